package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import java.lang.foreign.Arena;

/**
 * How sparse an SAE is on a store and which of its latents live.
 *
 * @param l0 mean number of active latents per token
 * @param alive per latent whether it is active on any of the tokens
 * @param tokens that were looked at, evenly spread over the store
 */
public record CodeCensus(double l0, boolean[] alive, long tokens) {
    private static final int BLOCK = 4096;

    /** Looks at up to {@code rows} rows. */
    public static CodeCensus of(Sae sae, ActivationStore store, String hook, long rows, Progress progress) {
        long count = Math.min(rows, store.rows());
        RowReader reader = store.reader(hook);
        boolean[] alive = new boolean[sae.dSae()];
        long active = 0;
        try (Arena arena = Arena.ofShared()) {
            Matrix block = Matrix.allocate(arena, Math.min(BLOCK, count), sae.dIn());
            long[] ids = new long[BLOCK];
            for (long from = 0; from < count; from += BLOCK) {
                progress.check();
                int n = (int) Math.min(BLOCK, count - from);
                for (int i = 0; i < n; i++) {
                    ids[i] = (long) ((double) (from + i) * store.rows() / count);
                }
                Matrix part = block.rows(0, n);
                reader.gather(ids, 0, n, part);
                SparseCodes codes = sae.encode(part);
                active += codes.size();
                for (int e = 0; e < codes.size(); e++) {
                    alive[codes.ids()[e]] = true;
                }
            }
        }
        return new CodeCensus(count == 0 ? 0 : (double) active / count, alive, count);
    }

    /** Latents that live. */
    public int living() {
        int living = 0;
        for (boolean a : alive) {
            living += a ? 1 : 0;
        }
        return living;
    }
}
