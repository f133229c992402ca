package dev.loupe.feature;

import dev.loupe.math.Matrix;
import dev.loupe.math.MatrixProduct;
import dev.loupe.math.TopK;
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import java.lang.foreign.Arena;
import java.util.Optional;
import java.util.Set;

/**
 * Directions of the residual stream seen through the unembedding (nostalgebraist's logit lens): the logits of a direction
 * d are W_U · (g ⊙ d) with the final norm's gain g; the division by the norm depends on the token and is left out.
 *
 * <p>The map is linear, so it is read off the model itself, whatever its family: unit vectors are put behind the
 * normalisation, before the gain, and their logits are the columns of the map.
 */
final class LogitLens {
    /** How promoted tokens are computed, for the manifest. */
    static final String DESCRIPTION =
            "decoder row through the unembedding, final norm's gain folded in, division by the norm left out";

    static final String NONE = "none: the decoder does not write into the residual stream";

    private static final HookPoint NORMALIZED = HookPoint.of("ln_final.hook_normalized");
    private static final Set<String> RESIDUAL = Set.of(
            "hook_embed", "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out");

    private static final int BATCH = 8;

    private final float[][] columns; // [d_model][d_vocab]: logits of unit vectors
    private final int vocabulary;

    private LogitLens(float[][] columns, int vocabulary) {
        this.columns = columns;
        this.vocabulary = vocabulary;
    }

    /** The lens of a model for an SAE; empty if the SAE does not write into the residual stream. */
    static Optional<LogitLens> of(Sae sae, LanguageModel model) {
        if (!RESIDUAL.contains(HookPoint.of(sae.hookName()).local())
                || sae.dOut() != model.config().dModel()) {
            return Optional.empty();
        }
        int d = model.config().dModel();
        int vocabulary = model.config().dVocab();
        float[][] columns = new float[d][];
        int length = Math.min(16, model.config().nCtx());
        for (int from = 0; from < d; from += BATCH * length) {
            int count = Math.min(BATCH * length, d - from);
            int first = from;
            Taps taps = Taps.edit(NORMALIZED, a -> unitVectors(a, first));
            Activation logits = model.forward(
                            new TokenBatch(new int[Math.ceilDiv(count, length)][length]), taps, Want.ALL_LOGITS)
                    .allLogits();
            for (int i = 0; i < count; i++) {
                columns[from + i] = logits.row(i / length, i % length);
            }
        }
        return Optional.of(new LogitLens(columns, vocabulary));
    }

    private static void unitVectors(Activation a, int first) {
        float[] unit = new float[a.width()];
        for (int b = 0; b < a.batch(); b++) {
            for (int p = 0; p < a.length(b); p++) {
                int i = first + b * a.positions() + p;
                if (i < unit.length) {
                    unit[i] = 1;
                }
                a.setRow(b, p, unit);
                if (i < unit.length) {
                    unit[i] = 0;
                }
            }
        }
    }

    /** Takes the strongest tokens of one direction. */
    @FunctionalInterface
    interface Consumer {
        /** Tokens and logits, most promoted first and most suppressed first. */
        void accept(int row, int[] promoted, float[] promotedLogits, int[] suppressed, float[] suppressedLogits);
    }

    /** The tokens that each direction promotes and suppresses most. */
    void forEach(Matrix directions, int count, Consumer consumer) {
        int keep = Math.min(count, vocabulary);
        try (Arena arena = Arena.ofShared()) {
            Matrix w = Matrix.allocate(arena, vocabulary, columns.length);
            for (int i = 0; i < columns.length; i++) {
                for (int t = 0; t < vocabulary; t++) {
                    w.set(t, i, columns[i][t]);
                }
            }
            int blockRows = Math.clamp((1 << 22) / vocabulary, 1, 512);
            Matrix block = Matrix.allocate(arena, blockRows, vocabulary);
            TopK topK = new TopK();
            float[] logits = new float[vocabulary];
            for (long from = 0; from < directions.rows(); from += blockRows) {
                long to = Math.min(directions.rows(), from + blockRows);
                MatrixProduct.best().multiplyNT(directions.rows(from, to), w, block.rows(0, to - from));
                for (long r = from; r < to; r++) {
                    block.copyRow(r - from, logits);
                    int[] promoted = largest(topK, logits, keep);
                    float[] high = pick(logits, promoted, 1);
                    for (int t = 0; t < vocabulary; t++) {
                        logits[t] = -logits[t];
                    }
                    int[] suppressed = largest(topK, logits, keep);
                    consumer.accept((int) r, promoted, high, suppressed, pick(logits, suppressed, -1));
                }
            }
        }
    }

    private static int[] largest(TopK topK, float[] values, int count) {
        int[] ids = new int[count];
        int found = topK.select(values, 0, values.length, count, ids);
        return java.util.stream.IntStream.range(0, found)
                .map(k -> ids[k])
                .boxed()
                .sorted((a, b) -> values[a] == values[b] ? Integer.compare(a, b) : Float.compare(values[b], values[a]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private static float[] pick(float[] values, int[] ids, float sign) {
        float[] picked = new float[ids.length];
        for (int k = 0; k < ids.length; k++) {
            picked[k] = sign * values[ids[k]];
        }
        return picked;
    }
}
