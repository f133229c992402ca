package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.math.VectorOps;
import java.util.Arrays;

/**
 * What prices prove. With any prices w of the columns (w ≥ 0 if some may stay without a row), no assignment of the dense
 * problem is worth more than Σ_j w_j + Σ_i max_j (cosine_ij − w_j) (weak duality). The maxima run over <em>all</em>
 * pairs: those of listed pairs are known; unlisted ones are bounded by the cuts of the lists, and where that does not
 * suffice their cosines are computed again, block by block. Pairs that beat the listed ones are collected.
 */
final class Pricing {
    /** Larger than the rounding of a difference of floats below 4, smaller than anything that counts. */
    private static final double ROUNDING = 1e-6;

    private static final double SLACK = 1e-9;
    private static final int CHUNK = 256;

    private final UnitRows a;
    private final UnitRows b;
    private final Candidates candidates;
    private final double[] u;
    private final double[] w;
    private final float[] shifts;
    private final int perList;

    /**
     * The outcome.
     *
     * @param bound no assignment is worth more
     * @param computedRows rows whose cosines were computed again
     * @param found pairs that were missing from the lists, with their cosines
     */
    record Bound(double bound, int computedRows, EdgeList.ByRow found) {}

    Pricing(UnitRows a, UnitRows b, Candidates candidates, double[] u, double[] w, int perList) {
        this.a = a;
        this.b = b;
        this.candidates = candidates;
        this.u = u;
        this.w = w;
        this.perList = perList;
        this.shifts = new float[w.length];
        for (int j = 0; j < w.length; j++) {
            shifts[j] = (float) w[j];
        }
    }

    /**
     * The bound.
     *
     * @param enough whether a bound suffices: if what the cuts prove does, nothing is computed
     */
    Bound bound(java.util.function.DoublePredicate enough, Progress progress) {
        double[] unlisted = unlisted();
        double prices = Arrays.stream(w).sum();
        double byCuts = prices;
        int open = 0;
        for (int i = 0; i < u.length; i++) {
            byCuts += Math.max(u[i], unlisted[i]);
            open += unlisted[i] > u[i] ? 1 : 0;
        }
        EdgeList found = new EdgeList();
        if (open == 0 || enough.test(byCuts)) {
            return new Bound(byCuts, 0, found.arrange(u.length, w.length));
        }
        int[] rows = new int[open];
        double bound = prices;
        int at = 0;
        for (int i = 0; i < u.length; i++) {
            if (unlisted[i] > u[i]) {
                rows[at++] = i;
            } else {
                bound += u[i];
            }
        }
        for (double best : compute(rows, found, progress)) {
            bound += best;
        }
        EdgeList.ByRow missing = found.arrange(u.length, w.length);
        UnitRows.cosines(a, b, missing);
        return new Bound(bound, open, missing);
    }

    /** Per row at least max_j (cosine_ij − w_j) over unlisted pairs: min(rowCut_i, columnCut_j) bounds the cosine. */
    private double[] unlisted() {
        int m = w.length;
        Integer[] order = new Integer[m];
        Arrays.setAll(order, j -> j);
        Arrays.sort(order, (x, y) -> Float.compare(candidates.columnCut(x), candidates.columnCut(y)));
        float[] cuts = new float[m];
        double[] below = new double[m + 1]; // over the k lowest cuts: the largest cut − price
        double[] cheapest = new double[m + 1]; // over the others: the lowest price
        below[0] = Double.NEGATIVE_INFINITY;
        cheapest[m] = Double.POSITIVE_INFINITY;
        for (int k = 0; k < m; k++) {
            cuts[k] = candidates.columnCut(order[k]);
            below[k + 1] = Math.max(below[k], cuts[k] - w[order[k]]);
        }
        for (int k = m - 1; k >= 0; k--) {
            cheapest[k] = Math.min(cheapest[k + 1], w[order[k]]);
        }
        double[] result = new double[u.length];
        for (int i = 0; i < u.length; i++) {
            float cut = candidates.rowCut(i);
            int k = upTo(cuts, cut);
            result[i] = cut == Float.NEGATIVE_INFINITY ? cut : Math.max(below[k], cut - cheapest[k]);
        }
        return result;
    }

    /** How many of the ascending values are at most x. */
    private static int upTo(float[] ascending, float x) {
        int low = 0;
        int high = ascending.length;
        while (low < high) {
            int mid = (low + high) >>> 1;
            if (ascending[mid] <= x) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        return low;
    }

    private static final class Local {
        final TopLists lists;
        final int[] hits = new int[CHUNK];

        Local(int columns, int capacity) {
            lists = new TopLists(columns, capacity);
        }
    }

    /** max_j (cosine_ij − w_j) over all j for some rows. */
    private double[] compute(int[] rows, EdgeList found, Progress progress) {
        double[] best = new double[rows.length];
        for (int r = 0; r < rows.length; r++) {
            best[r] = u[rows[r]];
        }
        TopLists byRow = new TopLists(rows.length, perList);
        progress.stage("proof for " + rows.length + " rows", b.size(), "latents");
        for (int from = 0; from < b.size(); from += CosineTiles.BLOCK) {
            progress.check();
            progress.advance(from);
            int first = from;
            int columns = Math.min(b.size(), from + CosineTiles.BLOCK) - from;
            Iterable<Local> locals = CosineTiles.block(
                    a,
                    rows,
                    b,
                    from,
                    from + columns,
                    () -> new Local(columns, perList),
                    (local, at, count, cosines, stride) -> {
                        for (int r = 0; r < count; r++) {
                            best[at + r] =
                                    row(local, byRow, rows, at + r, cosines, r * stride, first, columns, best[at + r]);
                        }
                    });
            collect(locals, from, columns, rows, found);
        }
        for (int r = 0; r < rows.length; r++) {
            for (int e = 0; e < byRow.size(r); e++) {
                found.add(rows[r], byRow.id(r, e), 0);
            }
        }
        progress.advance(b.size());
        return best;
    }

    private double row(
            Local local,
            TopLists byRow,
            int[] rows,
            int at,
            float[] cosines,
            int offset,
            int first,
            int columns,
            double best) {
        int i = rows[at];
        double highest = best;
        float limit = (float) (u[i] - ROUNDING);
        for (int c0 = 0; c0 < columns; c0 += CHUNK) {
            int c1 = Math.min(columns, c0 + CHUNK);
            int hits = VectorOps.aboveShifted(cosines, offset + c0, offset + c1, shifts, first + c0, limit, local.hits);
            for (int h = 0; h < hits; h++) {
                int j = c0 + local.hits[h];
                float cosine = cosines[offset + j];
                double gain = cosine - w[first + j] - u[i];
                if (gain > 0) {
                    highest = Math.max(highest, u[i] + gain);
                }
                if (gain > SLACK) {
                    byRow.offer(at, i, (float) gain, first + j);
                    local.lists.offer(j, -1 - (first + j), (float) gain, at);
                }
            }
        }
        return highest;
    }

    private void collect(Iterable<Local> locals, int from, int columns, int[] rows, EdgeList found) {
        TopLists merged = new TopLists(columns, perList);
        for (Local local : locals) {
            for (int j = 0; j < columns; j++) {
                merged.offerAll(j, -1 - (from + j), local.lists, j);
            }
        }
        for (int j = 0; j < columns; j++) {
            for (int e = 0; e < merged.size(j); e++) {
                found.add(rows[merged.id(j, e)], from + j, 0);
            }
        }
    }
}
