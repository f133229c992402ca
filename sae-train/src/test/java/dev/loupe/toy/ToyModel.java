package dev.loupe.toy;

import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Editor;
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
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A language model small enough to check by hand: x(p) = E[token(p)] + E[token(p-1)] / 2 at the one hook point, logits
 * are U (g ⊙ x) without any normalisation. Hook points work as in a real one.
 */
public class ToyModel implements LanguageModel {
    public static final HookPoint HOOK = HookPoint.residPost(0);
    public static final String CHECKSUM = "toy weights";
    public static final HookPoint NORMALIZED = HookPoint.of("ln_final.hook_normalized");

    private final ToyTokenizer tokenizer;
    public final float[][] embed;
    public final float[][] unembed;
    public final float[] gain;

    /** Embeddings [vocabulary][d], unembedding [vocabulary][d], gain [d]. */
    public ToyModel(ToyTokenizer tokenizer, float[][] embed, float[][] unembed, float[] gain) {
        this.tokenizer = tokenizer;
        this.embed = embed;
        this.unembed = unembed;
        this.gain = gain;
    }

    /** x of every position of a sequence. */
    public float[][] activations(int[] ids) {
        float[][] x = new float[ids.length][];
        for (int p = 0; p < ids.length; p++) {
            x[p] = embed[ids[p]].clone();
            for (int j = 0; p > 0 && j < x[p].length; j++) {
                x[p][j] += embed[ids[p - 1]][j] / 2;
            }
        }
        return x;
    }

    /** Logits of a vector behind the normalisation. */
    public float[] logits(float[] x) {
        float[] logits = new float[unembed.length];
        for (int t = 0; t < logits.length; t++) {
            double sum = 0;
            for (int j = 0; j < x.length; j++) {
                sum += (double) unembed[t][j] * gain[j] * x[j];
            }
            logits[t] = (float) sum;
        }
        return logits;
    }

    /** Loss of a target token in nats. */
    public static double loss(float[] logits, int target) {
        double max = Double.NEGATIVE_INFINITY;
        for (float l : logits) {
            max = Math.max(max, l);
        }
        double sum = 0;
        for (float l : logits) {
            sum += Math.exp(l - max);
        }
        return Math.log(sum) + max - logits[target];
    }

    @Override
    public String id() {
        return "toy";
    }

    @Override
    public ModelConfig config() {
        int d = gain.length;
        return new ModelConfig("toy", 1, d, 1, 1, d, d, unembed.length, 64, 1e-5, 1e4, false, 0);
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public List<HookInfo> hooks() {
        int d = gain.length;
        return List.of(
                new HookInfo(HOOK, "[batch, pos, d]", d, "x"), new HookInfo(NORMALIZED, "[batch, pos, d]", d, ""));
    }

    @Override
    public HookInfo hook(String name) {
        return hooks().stream().filter(h -> h.name().equals(name)).findFirst().orElseThrow();
    }

    @Override
    public String weightsChecksum() {
        return CHECKSUM;
    }

    @Override
    public List<String> heldOutHashes() {
        return List.of();
    }

    @Override
    public Forward forward(TokenBatch tokens, Taps taps, Want want) {
        int batch = tokens.size();
        int positions = tokens.positions();
        int d = gain.length;
        int[] lengths = Arrays.stream(tokens.ids()).mapToInt(ids -> ids.length).toArray();
        Activation x =
                Activation.of(HOOK, MemorySegment.ofArray(new float[batch * positions * d]), positions, d, 0, lengths);
        for (int b = 0; b < batch; b++) {
            float[][] rows = activations(tokens.ids()[b]);
            for (int p = 0; p < rows.length; p++) {
                x.setRow(b, p, rows[p]);
            }
        }
        Map<HookPoint, Activation> read = new HashMap<>();
        for (HookPoint hook : List.of(HOOK, NORMALIZED)) {
            Activation here = Activation.of(hook, x.segment(), positions, d, 0, lengths);
            for (Editor e : taps.editors(hook)) {
                e.edit(here);
            }
            if (taps.reads().contains(hook)) {
                float[] copy = new float[batch * positions * d];
                MemorySegment.ofArray(copy).copyFrom(x.segment());
                read.put(hook, Activation.of(hook, MemorySegment.ofArray(copy), positions, d, 0, lengths));
            }
        }
        int vocabulary = unembed.length;
        Activation logits = Activation.of(
                HookPoint.of("logits"),
                MemorySegment.ofArray(new float[batch * positions * vocabulary]),
                positions,
                vocabulary,
                0,
                lengths);
        float[][] losses = new float[batch][];
        for (int b = 0; b < batch; b++) {
            losses[b] = new float[lengths[b] - 1];
            for (int p = 0; p < lengths[b]; p++) {
                float[] l = logits(x.row(b, p));
                logits.setRow(b, p, l);
                if (p + 1 < lengths[b]) {
                    losses[b][p] = (float) loss(l, tokens.ids()[b][p + 1]);
                }
            }
        }
        return new Result(read, logits, losses, lengths);
    }

    private record Result(Map<HookPoint, Activation> read, Activation logits, float[][] losses, int[] lengths)
            implements Forward {
        @Override
        public Activation activation(HookPoint hook) {
            return read.get(hook);
        }

        @Override
        public float[] lastLogits(int row) {
            return logits.row(row, lengths[row] - 1);
        }

        @Override
        public Activation allLogits() {
            return logits;
        }

        @Override
        public float[][] tokenLoss() {
            return losses;
        }

        @Override
        public double meanLoss() {
            throw new UnsupportedOperationException();
        }
    }

    @Override
    public Matrix logitLens(Matrix directions, boolean foldFinalNorm) {
        float[][] logits = new float[(int) directions.rows()][];
        for (int r = 0; r < logits.length; r++) {
            float[] d = directions.row(r);
            for (int j = 0; j < d.length && !foldFinalNorm; j++) {
                d[j] /= gain[j];
            }
            logits[r] = logits(d);
        }
        return Matrix.copyOf(logits);
    }

    @Override
    public Backward backward(TokenBatch tokens, Taps taps, BackwardPlan plan) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Generation generate(int[] prompt, Sampling sampling, Taps taps, TokenListener listener) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
