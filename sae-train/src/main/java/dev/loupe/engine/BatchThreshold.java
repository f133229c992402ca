package dev.loupe.engine;

import dev.loupe.math.TopK;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * Finds the smallest pre-activation that BATCH_TOPK keeps: the (k · rows)-th largest positive one of the whole batch. Rows
 * keep only what exceeds a bound guessed from the last step; if that was too high, they are encoded again with a lower one.
 * What is found does not depend on the guess.
 */
final class BatchThreshold {
    /** The share of the last threshold that is the next guess, where the last two were equal. */
    private static final float STEADY = 0.97f;

    /** The share that it is at least. */
    private static final float UNSTEADY = 0.7f;

    private float slack = UNSTEADY;

    private float last = -1;
    private float bound;
    private float[] values = new float[0];

    /**
     * Sets the bound; the first time from the first tile of rows.
     *
     * @param encode makes the hits of so many tiles
     */
    void begin(StepInput s, IntConsumer encode, ForwardTile first) {
        bound = last * slack;
        if (last < 0) {
            Arrays.fill(s.limits, 0);
            encode.accept(1);
            int wanted = 2 * s.rule.k() * first.count;
            int size = first.hits.size();
            float[] sample = Arrays.copyOf(first.hits.pi, size);
            Arrays.sort(sample);
            bound = wanted < size ? sample[size - wanted] : 0;
        }
        Arrays.fill(s.limits, Math.max(0, bound));
    }

    /** Whether the bound was low enough; then each tile knows what to keep. */
    boolean found(StepInput s, ForwardTile[] tiles) {
        long wanted = (long) s.rule.k() * s.rows;
        long size = 0;
        for (ForwardTile t : tiles) {
            size += t.hits.size();
        }
        if (size < wanted && bound > 0) {
            bound = bound > 1e-6f * Math.max(last, 0) ? bound / 2 : 0;
            Arrays.fill(s.limits, bound);
            return false;
        }
        int count = Math.toIntExact(size);
        if (values.length < count) {
            values = new float[count + count / 4];
        }
        int at = 0;
        for (ForwardTile t : tiles) {
            System.arraycopy(t.hits.pi, 0, values, at, t.hits.size());
            at += t.hits.size();
        }
        float limit = 0; // fewer positive ones than wanted: all are kept
        long equals = 0;
        if (count > 0 && wanted > 0) {
            int kept = (int) Math.min(count, wanted);
            limit = TopK.kthLargest(values, count, kept);
            equals = kept;
            for (int e = 0; e < count; e++) {
                equals -= values[e] > limit ? 1 : 0;
            }
        } else if (wanted == 0) {
            limit = Float.POSITIVE_INFINITY;
        }
        for (ForwardTile t : tiles) { // from the first row on, as many equals as are missing
            int mine = 0;
            for (int e = 0; e < t.hits.size(); e++) {
                mine += t.hits.pi[e] == limit ? 1 : 0;
            }
            t.rowPass.limit = limit;
            t.rowPass.ties = (int) Math.min(mine, equals);
            equals -= t.rowPass.ties;
        }
        float change = last > 0 && Float.isFinite(limit) ? Math.abs(limit / last - 1) : 1;
        slack = Math.max(UNSTEADY, STEADY - 2 * change);
        last = Float.isFinite(limit) ? limit : -1;
        return true;
    }
}
