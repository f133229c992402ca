package dev.loupe.diagnose;

import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.ModelConfig;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToyTokenizer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** A model whose hook points hold whatever a test gives them; it counts the tokens that it reads. */
public final class GivenModel extends ToyModel {
    /** The values of a hook point at a position of a sequence. */
    @FunctionalInterface
    public interface Values {
        float[] at(int[] ids, int position);
    }

    private final Map<HookPoint, Values> values = new LinkedHashMap<>();
    private final int layers;
    private final int width;
    private long tokensRead;

    public GivenModel(int layers, int width) {
        super(new ToyTokenizer(List.of("a", "b", "c", "d")), square(5), square(5), ones(5));
        this.layers = layers;
        this.width = width;
    }

    private static float[][] square(int n) {
        float[][] m = new float[n][n];
        IntStream.range(0, n).forEach(i -> m[i][i] = 1);
        return m;
    }

    private static float[] ones(int n) {
        float[] one = new float[n];
        Arrays.fill(one, 1);
        return one;
    }

    /** Gives a hook point its values. */
    public GivenModel with(HookPoint hook, Values given) {
        values.put(hook, given);
        return this;
    }

    public long tokensRead() {
        return tokensRead;
    }

    @Override
    public ModelConfig config() {
        return new ModelConfig("given", layers, width, 2, 2, width / 2, width, 5, 64, 1e-5, 1e4, false, 0);
    }

    @Override
    public List<HookInfo> hooks() {
        return values.keySet().stream()
                .map(h -> new HookInfo(h, "[batch, pos, " + width + "]", width, ""))
                .toList();
    }

    @Override
    public HookInfo hook(String name) {
        return new HookInfo(HookPoint.of(name), "[batch, pos, " + width + "]", width, "");
    }

    @Override
    public Forward forward(TokenBatch tokens, Taps taps, Want want) {
        if (want != Want.NOTHING) {
            return super.forward(tokens, taps, want);
        }
        synchronized (this) {
            tokensRead += tokens.tokens();
        }
        int[] lengths = Arrays.stream(tokens.ids()).mapToInt(i -> i.length).toArray();
        int positions = tokens.positions();
        Map<HookPoint, Activation> read = new HashMap<>();
        for (HookPoint hook : taps.reads()) {
            int cells = values.get(hook).at(tokens.ids()[0], 0).length;
            Activation a = Activation.of(
                    hook,
                    MemorySegment.ofArray(new float[tokens.size() * positions * cells]),
                    positions,
                    cells,
                    0,
                    lengths);
            for (int b = 0; b < lengths.length; b++) {
                for (int p = 0; p < lengths[b]; p++) {
                    a.setRow(b, p, values.get(hook).at(tokens.ids()[b], p));
                }
            }
            read.put(hook, a);
        }
        return new Read(read);
    }

    private record Read(Map<HookPoint, Activation> read) implements Forward {
        @Override
        public Activation activation(HookPoint hook) {
            return read.get(hook);
        }

        @Override
        public float[] lastLogits(int row) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Activation allLogits() {
            throw new UnsupportedOperationException();
        }

        @Override
        public float[][] tokenLoss() {
            throw new UnsupportedOperationException();
        }

        @Override
        public double meanLoss() {
            throw new UnsupportedOperationException();
        }
    }

    /** A text of sequences that begin with BOS and go on with some tokens. */
    public static TextSample text(int sequences, int length) {
        return new TextSample(
                "a text",
                IntStream.range(0, sequences)
                        .mapToObj(s -> IntStream.range(0, length)
                                .map(p -> p == 0 ? ToyTokenizer.BOS : 1 + (s + p) % 4)
                                .toArray())
                        .toList(),
                IntStream.range(0, sequences).mapToObj(s -> "label" + s % 2).toList(),
                Set.of(ToyTokenizer.BOS),
                0);
    }

    /** This model reading such a text. */
    public Subject reading(int sequences, int length) {
        return Subject.of(this, text(sequences, length), Limits.standard());
    }
}
