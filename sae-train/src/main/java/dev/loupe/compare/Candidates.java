package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.math.VectorOps;
import java.util.Arrays;

/**
 * The largest cosines of every row of A and of every row of B, from one pass over all cosines in blocks, on the GPU where one
 * was chosen ({@link CardCandidates}); memory O(n·c).
 * What is not listed is bounded: the cosine of an unlisted pair (i, j) is at most {@link #rowCut} of i and {@link
 * #columnCut} of j.
 */
final class Candidates {
    private static final int CHUNK = 256;

    final TopLists byRow;
    final TopLists byColumn;
    private final UnitRows a;
    private final UnitRows b;
    private final boolean deadRows;

    private Candidates(UnitRows a, UnitRows b, int perRow) {
        this.a = a;
        this.b = b;
        this.byRow = new TopLists(a.size(), perRow);
        this.byColumn = new TopLists(b.size(), perRow);
        this.deadRows = a.deadRows() > 0;
    }

    /** What a block of columns collects on one thread. */
    private static final class Local {
        final TopLists lists;
        final float[] cuts;
        final int[] hits = new int[CHUNK];

        Local(int columns, int capacity) {
            lists = new TopLists(columns, capacity);
            cuts = new float[columns];
            Arrays.fill(cuts, Float.NEGATIVE_INFINITY);
        }
    }

    /**
     * One pass.
     *
     * @param perRow how many to list for each row of A and each row of B
     * @param kept where finished blocks are kept and found again
     * @param progress is told the products done
     */
    static Candidates of(UnitRows a, UnitRows b, int perRow, CandidateFile kept, Progress progress) {
        Candidates c = new Candidates(a, b, perRow);
        int[] rows = CosineTiles.all(a.size());
        int from = kept.restore(c.byRow, c.byColumn);
        progress.stage("cosines", b.size(), "latents");
        if (from < b.size() && CardCandidates.wanted(a, b, perRow)) {
            CardCandidates.fill(a, b, from, c.byRow, c.byColumn, progress);
            from = b.size();
            kept.save(c.byRow, c.byColumn, from);
        }
        for (; from < b.size(); from += CosineTiles.BLOCK) {
            progress.check();
            progress.advance(from);
            int to = Math.min(b.size(), from + CosineTiles.BLOCK);
            c.block(rows, from, to);
            kept.save(c.byRow, c.byColumn, to);
        }
        progress.advance(b.size());
        c.byRow.sort(i -> i);
        c.byColumn.sort(j -> -1 - j);
        return c;
    }

    /** The lists of some columns alone; those of other columns are empty. */
    static Candidates part(UnitRows a, UnitRows b, int perRow, int from, int to, Progress progress) {
        Candidates c = new Candidates(a, b, perRow);
        int[] rows = CosineTiles.all(a.size());
        for (int at = from; at < to; at += CosineTiles.BLOCK) {
            progress.check();
            c.block(rows, at, Math.min(to, at + CosineTiles.BLOCK));
            progress.advance(Math.min(to, at + CosineTiles.BLOCK) - from);
        }
        return c;
    }

    private void block(int[] rows, int from, int to) {
        int columns = to - from;
        Iterable<Local> locals = CosineTiles.block(
                a, rows, b, from, to, () -> local(from, columns), (local, first, count, cosines, stride) -> {
                    for (int r = 0; r < count; r++) {
                        if (!a.dead(first + r)) {
                            row(local, first + r, cosines, r * stride, from, columns);
                        }
                    }
                });
        for (Local local : locals) {
            for (int j = 0; j < columns; j++) {
                byColumn.offerAll(from + j, -1 - (from + j), local.lists, j);
            }
        }
    }

    private Local local(int from, int columns) {
        Local local = new Local(columns, byColumn.capacity());
        for (int j = 0; j < columns; j++) {
            if (b.dead(from + j)) {
                local.cuts[j] = Float.POSITIVE_INFINITY; // all its cosines are 0
            }
        }
        return local;
    }

    private void row(Local local, int i, float[] cosines, int at, int from, int columns) {
        for (int c0 = 0; c0 < columns; c0 += CHUNK) {
            int c1 = Math.min(columns, c0 + CHUNK);
            int hits = VectorOps.reaching(cosines, at + c0, at + c1, local.cuts, c0, byRow.cut(i), local.hits);
            for (int h = 0; h < hits; h++) {
                int j = c0 + local.hits[h];
                float value = cosines[at + j];
                if (value >= byRow.cut(i)) {
                    byRow.offer(i, i, value, from + j);
                }
                if (value >= local.cuts[j]) {
                    local.lists.offer(j, -1 - (from + j), value, i);
                    local.cuts[j] = local.lists.cut(j);
                }
            }
        }
    }

    /** At least the cosine of row i with any row of B that no list pairs it with. */
    float rowCut(int i) {
        return a.dead(i) ? 0 : byRow.cut(i);
    }

    /** At least the cosine of row j of B with any row of A that no list pairs it with. */
    float columnCut(int j) {
        if (b.dead(j)) {
            return 0;
        }
        return deadRows ? Math.max(0, byColumn.cut(j)) : byColumn.cut(j);
    }

    /** All listed pairs; dead rows, whose cosines are all 0, get a few partners at random. */
    void addTo(EdgeList edges) {
        for (int i = 0; i < a.size(); i++) {
            for (int e = 0; e < byRow.size(i); e++) {
                edges.add(i, byRow.id(i, e), byRow.value(i, e));
            }
            for (int e = 0; a.dead(i) && e < byRow.capacity(); e++) {
                edges.add(i, Math.floorMod(TopLists.mix(i, e), b.size()), 0);
            }
        }
        for (int j = 0; j < b.size(); j++) {
            for (int e = 0; e < byColumn.size(j); e++) {
                edges.add(byColumn.id(j, e), j, byColumn.value(j, e));
            }
            for (int e = 0; b.dead(j) && e < byColumn.capacity(); e++) {
                edges.add(Math.floorMod(TopLists.mix(-1 - j, e), a.size()), j, 0);
            }
        }
    }
}
