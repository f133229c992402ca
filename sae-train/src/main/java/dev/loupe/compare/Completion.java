package dev.loupe.compare;

import dev.loupe.base.Progress;
import java.util.Arrays;

/**
 * Partners for rows that the listed pairs leave alone, such as the many copies of one direction that all list the same
 * few: an assignment of those rows to the free columns alone, by the same means, until what is left is small.
 */
final class Completion {
    /** Up to so many cosines the rest is solved on all of them: 4 MiB. */
    private static final long DENSE = 1 << 20;

    private Completion() {}

    /** One pair for every row without a column, with cosines; together with the chosen pairs an assignment. */
    static EdgeList.ByRow of(UnitRows a, UnitRows b, SparseAssignment solved, int listed, Progress progress) {
        EdgeList pairs = new EdgeList();
        int[] rows = without(solved.columnOf);
        int[] columns = without(solved.rowOf);
        int size = Math.max(1, listed);
        while (rows.length > 0) {
            progress.stage("complete " + rows.length + " rows", rows.length, "latents");
            progress.check();
            int[] partner = (long) rows.length * columns.length <= DENSE
                    ? dense(a, rows, b, columns)
                    : sparse(a, rows, b, columns, size, progress);
            int matched = 0;
            boolean[] taken = new boolean[columns.length];
            for (int i = 0; i < rows.length; i++) {
                if (partner[i] >= 0) {
                    pairs.add(rows[i], columns[partner[i]], 0);
                    taken[partner[i]] = true;
                    matched++;
                }
            }
            rows = left(rows, i -> partner[i] < 0);
            columns = left(columns, j -> !taken[j]);
            if (matched == 0) {
                throw new IllegalStateException("no listed pair among " + rows.length + " rows");
            }
        }
        EdgeList.ByRow arranged = pairs.arrange(a.size(), b.size());
        UnitRows.cosines(a, b, arranged);
        return arranged;
    }

    private static int[] dense(UnitRows a, int[] rows, UnitRows b, int[] columns) {
        float[][] cosines = new float[rows.length][columns.length];
        UnitRows free = b.pick(columns);
        for (int from = 0; from < columns.length; from += CosineTiles.BLOCK) {
            int first = from;
            int to = Math.min(columns.length, from + CosineTiles.BLOCK);
            CosineTiles.block(a, rows, free, from, to, () -> "", (none, at, count, values, stride) -> {
                for (int r = 0; r < count; r++) {
                    System.arraycopy(values, r * stride, cosines[at + r], first, to - first);
                }
            });
        }
        return Assignment.maximise(cosines, columns.length, done -> {}).columns();
    }

    private static int[] sparse(UnitRows a, int[] rows, UnitRows b, int[] columns, int listed, Progress progress) {
        UnitRows someA = a.pick(rows);
        UnitRows someB = b.pick(columns);
        EdgeList list = new EdgeList();
        Candidates.of(someA, someB, Math.min(listed, columns.length), CandidateFile.NONE, progress)
                .addTo(list);
        EdgeList.ByRow edges = list.arrange(rows.length, columns.length);
        int[] none = new int[rows.length];
        Arrays.fill(none, -1);
        SparseAssignment some = new SparseAssignment(
                edges, columns.length, CertifiedAssignment.alone(edges), new double[columns.length], none);
        some.solve(i -> progress.check());
        return some.columnOf;
    }

    private static int[] without(int[] partner) {
        return left(CosineTiles.all(partner.length), i -> partner[i] < 0);
    }

    private static int[] left(int[] ids, java.util.function.IntPredicate keep) {
        int[] kept = new int[ids.length];
        int count = 0;
        for (int i = 0; i < ids.length; i++) {
            if (keep.test(i)) {
                kept[count++] = ids[i];
            }
        }
        return Arrays.copyOf(kept, count);
    }
}
