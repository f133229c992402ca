package dev.loupe.feature;

import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.TopK;
import dev.loupe.math.VectorOps;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import java.lang.foreign.Arena;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Directions of the residual stream seen through the unembedding (nostalgebraist's logit lens): the logits of a direction
 * d are W_U · (g ⊙ d) with the final norm's gain g; the division by the norm depends on the token and is left out.
 */
final class LogitLens {
    /** How promoted tokens are computed, for the manifest. */
    static final String DESCRIPTION =
            "decoder row through the unembedding, final norm's gain folded in, division by the norm left out";

    static final String NONE = "none: the decoder does not write into the residual stream";

    private static final Set<String> RESIDUAL = Set.of(
            "hook_embed", "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out");

    /** Logits at a time: 16 MiB. */
    private static final int BLOCK_VALUES = 1 << 22;

    private static final int ROWS_PER_TASK = 16;

    private final LanguageModel model;

    private LogitLens(LanguageModel model) {
        this.model = model;
    }

    /** The lens of a model for an SAE; empty if the SAE does not write into the residual stream. */
    static Optional<LogitLens> of(Sae sae, LanguageModel model) {
        boolean residual = sae.hooksOut().stream()
                        .allMatch(h -> RESIDUAL.contains(HookPoint.of(h).local()))
                && sae.dOut() == sae.hooksOut().size() * model.config().dModel();
        return residual ? Optional.of(new LogitLens(model)) : Optional.empty();
    }

    /**
     * What each latent adds to the last residual stream directly, [d_sae, d_model]: its decoder row; the sum of its parts
     * where it writes to several MLPs or attentions, which all add to the stream; the last part of a crosscoder of residual
     * streams, where a later one replaces an earlier.
     */
    static Matrix directions(Sae sae) {
        int places = sae.hooksOut().size();
        if (places == 1) {
            return sae.decoderRows();
        }
        int d = sae.dOut() / places;
        Matrix sums = Matrix.allocate(Arena.ofAuto(), sae.dSae(), d);
        boolean adds =
                sae.hooksOut().stream().allMatch(h -> HookPoint.of(h).local().endsWith("_out"));
        for (int i = 0; i < sae.dSae(); i++) {
            float[] row = sae.decoderRows().row(i);
            float[] sum = new float[d];
            for (int p = adds ? 0 : places - 1; p < places; p++) {
                VectorOps.axpy(1, row, p * d, sum, 0, d);
            }
            sums.setRow(i, sum);
        }
        return sums;
    }

    /** Takes the strongest tokens of one direction. */
    @FunctionalInterface
    interface Consumer {
        /** Tokens and logits, most promoted first and most suppressed first. */
        void accept(int row, int[] promoted, float[] promotedLogits, int[] suppressed, float[] suppressedLogits);
    }

    /** The tokens that each direction promotes and suppresses most. */
    void forEach(Matrix directions, int count, Consumer consumer) {
        int vocabulary = model.config().dVocab();
        int keep = Math.min(count, vocabulary);
        int blockRows = Math.clamp(BLOCK_VALUES / vocabulary, 1, 512);
        for (long from = 0; from < directions.rows(); from += blockRows) {
            long to = Math.min(directions.rows(), from + blockRows);
            Matrix block = model.logitLens(directions.rows(from, to), true);
            Strongest[] rows = new Strongest[(int) (to - from)];
            int tasks = Math.ceilDiv(rows.length, ROWS_PER_TASK);
            Parallel.run(tasks, t -> {
                TopK topK = new TopK();
                float[] logits = new float[vocabulary];
                for (int r = t * ROWS_PER_TASK; r < Math.min(rows.length, (t + 1) * ROWS_PER_TASK); r++) {
                    block.copyRow(r, logits);
                    rows[r] = strongest(topK, logits, keep);
                }
            });
            for (int r = 0; r < rows.length; r++) {
                Strongest s = rows[r];
                consumer.accept((int) from + r, s.promoted, s.high, s.suppressed, s.low);
            }
        }
    }

    private record Strongest(int[] promoted, float[] high, int[] suppressed, float[] low) {}

    /** Of one row, which is spoilt. */
    private static Strongest strongest(TopK topK, float[] logits, int keep) {
        int[] promoted = largest(topK, logits, keep);
        float[] high = pick(logits, promoted, 1);
        for (int t = 0; t < logits.length; t++) {
            logits[t] = -logits[t];
        }
        int[] suppressed = largest(topK, logits, keep);
        return new Strongest(promoted, high, suppressed, pick(logits, suppressed, -1));
    }

    private static int[] largest(TopK topK, float[] values, int count) {
        int[] ids = new int[count];
        int found = topK.select(values, 0, values.length, count, ids);
        return IntStream.range(0, found)
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
