package dev.loupe.capture;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Forward;
import dev.loupe.model.Generation;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.ModelConfig;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.TokenListener;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.Want;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model whose activations are a known function of the tokens so far: bytes as tokens, two hook points, no weights. */
final class ToyModel implements LanguageModel {
    static final int BOS = 0;
    static final int WIDTH = 24;
    private final String weights;
    private final int passLimit;

    @Nullable String chatTemplate;

    int passes;

    ToyModel() {
        this("weights", Integer.MAX_VALUE);
    }

    /** A model that kills the process in the middle of a capture. */
    ToyModel(String weights, int passLimit) {
        this.weights = weights;
        this.passLimit = passLimit;
    }

    /** What the model gives at a position: depends on the hook point and on all tokens up to there. */
    static float value(String hook, int[] tokens, int position, int i) {
        return value(hash(hook, tokens, position), i);
    }

    private static int hash(String hook, int[] tokens, int position) {
        int hash = hook.hashCode();
        for (int p = 0; p <= position; p++) {
            hash = 31 * hash + tokens[p];
        }
        return hash;
    }

    private static float value(int hash, int i) {
        return (hash >> i % 8) % 1000 + i / 7f;
    }

    @Override
    public String id() {
        return "toy";
    }

    @Override
    public ModelConfig config() {
        return new ModelConfig("Toy", 2, WIDTH, 1, 1, WIDTH, WIDTH, 257, 64, 0, 0, true, 0);
    }

    @Override
    public List<HookInfo> hooks() {
        return List.of(
                new HookInfo(HookPoint.of("blocks.0.hook_resid_post"), "[batch, pos, 24]", WIDTH, "first"),
                new HookInfo(HookPoint.of("blocks.1.hook_resid_post"), "[batch, pos, 24]", WIDTH, "second"));
    }

    @Override
    public HookInfo hook(String name) {
        return hooks().stream()
                .filter(h -> h.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new UsageException(name + " is none of " + hooks()));
    }

    @Override
    public String weightsChecksum() {
        return weights;
    }

    @Override
    public List<String> heldOutHashes() {
        return List.of();
    }

    @Override
    public Forward forward(TokenBatch tokens, Taps taps, Want want) {
        if (++passes > passLimit) {
            Runtime.getRuntime().halt(9);
        }
        Map<HookPoint, Activation> read = new HashMap<>();
        for (HookPoint hook : taps.reads()) {
            int positions = tokens.positions();
            MemorySegment memory = Arena.ofAuto().allocate(4L * tokens.size() * positions * WIDTH, 64);
            int[] lengths = Arrays.stream(tokens.ids()).mapToInt(t -> t.length).toArray();
            for (int b = 0; b < lengths.length; b++) {
                for (int p = 0; p < lengths[b]; p++) {
                    int hash = hash(hook.name(), tokens.ids()[b], p);
                    for (int i = 0; i < WIDTH; i++) {
                        memory.setAtIndex(
                                ValueLayout.JAVA_FLOAT, ((long) b * positions + p) * WIDTH + i, value(hash, i));
                    }
                }
            }
            read.put(hook, Activation.of(hook, memory, positions, WIDTH, 0, lengths));
        }
        return new Forward() {
            @Override
            public Activation activation(HookPoint hook) {
                return read.get(hook);
            }

            @Override
            public float[] lastLogits(int row) {
                throw new IllegalStateException();
            }

            @Override
            public Activation allLogits() {
                throw new IllegalStateException();
            }

            @Override
            public float[][] tokenLoss() {
                throw new IllegalStateException();
            }

            @Override
            public double meanLoss() {
                throw new IllegalStateException();
            }
        };
    }

    @Override
    public Backward backward(TokenBatch t, Taps taps, BackwardPlan plan) {
        throw new IllegalStateException();
    }

    @Override
    public Generation generate(int[] prompt, Sampling sampling, Taps taps, TokenListener listener) {
        throw new IllegalStateException();
    }

    @Override
    public Matrix logitLens(Matrix directions, boolean foldFinalNorm) {
        throw new IllegalStateException();
    }

    @Override
    public Tokenizer tokenizer() {
        return new Bytes(chatTemplate);
    }

    @Override
    public void close() {}

    /** Byte b is token b + 1; token 0 is BOS. */
    static final class Bytes implements Tokenizer {
        private final @Nullable String chatTemplate;

        Bytes() {
            this(null);
        }

        Bytes(@Nullable String chatTemplate) {
            this.chatTemplate = chatTemplate;
        }

        @Override
        public @Nullable String chatTemplate() {
            return chatTemplate;
        }

        @Override
        public int[] encode(String text, boolean addSpecial) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = (bytes[i] & 0xff) + 1;
            }
            return ids;
        }

        @Override
        public int[] encode(String text) {
            return encode(text, false);
        }

        @Override
        public List<int[]> encodeBatch(List<String> texts, boolean addSpecial) {
            return texts.stream().map(t -> encode(t, addSpecial)).toList();
        }

        @Override
        public String decode(int[] ids, boolean skipSpecial) {
            byte[] bytes = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                bytes[i] = (byte) (ids[i] - 1);
            }
            return new String(bytes, StandardCharsets.UTF_8);
        }

        @Override
        public byte[] tokenBytes(int id) {
            return new byte[] {(byte) (id - 1)};
        }

        @Override
        public String token(int id) {
            return decode(new int[] {id}, false);
        }

        @Override
        public List<String> pieces(int[] ids) {
            return java.util.Arrays.stream(ids).mapToObj(this::token).toList(); // of ASCII
        }

        @Override
        public @Nullable Integer id(String token) {
            return null;
        }

        @Override
        public int vocabSize() {
            return 257;
        }

        @Override
        public @Nullable Integer bosId() {
            return BOS;
        }

        @Override
        public @Nullable Integer eosId() {
            return null;
        }

        @Override
        public boolean isSpecial(int id) {
            return id == BOS;
        }

        @Override
        public String checksum() {
            return "bytes";
        }

        @Override
        public void close() {}
    }
}
