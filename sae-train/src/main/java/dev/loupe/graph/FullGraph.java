package dev.loupe.graph;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * All edges of a prompt: logits first, then features, all of them or those of most influence on what was found so far.
 *
 * @param local the prompt
 * @param explained the logits
 * @param selected features with their incoming edges; their order is that of the adjacency
 * @param edges between them
 */
record FullGraph(LocalModel local, List<Explained> explained, int[] selected, Adjacency edges) {
    private static final int QUEUE = 4; // batches between two looks at who matters, as in circuit-tracer

    /** Computes the edges. */
    static FullGraph of(LocalModel local, List<Explained> explained, GraphRequest request, Progress progress) {
        int features = local.features();
        int targets = Math.min(features, request.maxFeatures());
        int k = explained.size();
        long bytes = 4L * (targets + k) * local.columns() * (targets < features ? 2 : 1);
        if (bytes > (long) request.memoryMb() << 20) {
            throw new UsageException("The edges of " + targets + " features need "
                    + dev.loupe.base.Fmt.bytes(bytes) + " and may take "
                    + dev.loupe.base.Fmt.bytes((long) request.memoryMb() << 20)
                    + ": lower max_features, shorten the prompt or raise memory_mb.");
        }
        Matrix rows = Matrix.allocate(Arena.ofAuto(), (long) targets + k, local.columns());
        int[] rowOf = new int[features]; // row of a feature's incoming edges; 0 for none yet
        double[] weights = explained.stream().mapToDouble(Explained::weight).toArray();
        try (EdgeRows edges = new EdgeRows(local)) {
            logits(local, explained, edges, rows);
            features(local, edges, rows, rowOf, weights, targets, progress);
        }
        return assembled(local, explained, rows, rowOf, weights);
    }

    private static void logits(LocalModel local, List<Explained> explained, EdgeRows edges, Matrix rows) {
        int k = explained.size();
        int vocab = local.lastLogits().length;
        for (int from = 0; from < k; from += edges.batch()) {
            List<float[]> seeds = new ArrayList<>();
            for (Explained e : explained.subList(from, Math.min(k, from + edges.batch()))) {
                seeds.add(e.seed(vocab));
            }
            edges.intoLogits(seeds, rows, numbers(from, seeds.size()));
        }
    }

    private static void features(
            LocalModel local,
            EdgeRows edges,
            Matrix rows,
            int[] rowOf,
            double[] weights,
            int targets,
            Progress progress) {
        int features = local.features();
        int k = weights.length;
        progress.stage("edges", targets, "features");
        int done = 0;
        while (done < targets) {
            int[] next = targets == features
                    ? numbers(0, features)
                    : most(local, rows, rowOf, done, weights, Math.min(QUEUE * edges.batch(), targets - done));
            Arrays.sort(next); // by layer
            for (int from = 0; from < next.length; ) {
                progress.check();
                int to = from;
                while (to < next.length
                        && to - from < edges.batch()
                        && local.layer(next[to]) == local.layer(next[from])) {
                    to++;
                }
                int[] part = Arrays.copyOfRange(next, from, to);
                int[] at = numbers(k + done, part.length);
                edges.intoFeatures(part, rows, at);
                for (int i = 0; i < part.length; i++) {
                    rowOf[part[i]] = at[i];
                }
                done += part.length;
                from = to;
                progress.advance(done);
            }
        }
    }

    /** Rows in order, without the columns of features that are no targets. */
    private static FullGraph assembled(
            LocalModel local, List<Explained> explained, Matrix rows, int[] rowOf, double[] weights) {
        int[] selected = java.util.stream.IntStream.range(0, rowOf.length)
                .filter(f -> rowOf[f] > 0)
                .toArray();
        int others = local.columns() - local.features();
        int columns = selected.length + others;
        int k = explained.size();
        Matrix sorted = selected.length == local.features()
                ? rotated(rows, k)
                : Matrix.allocate(Arena.ofAuto(), (long) selected.length + k, columns);
        if (selected.length < local.features()) {
            float[] row = new float[local.columns()];
            float[] kept = new float[columns];
            for (int r = 0; r < selected.length + k; r++) {
                rows.copyRow(r < selected.length ? rowOf[selected[r]] : r - selected.length, row);
                for (int s = 0; s < selected.length; s++) {
                    kept[s] = row[selected[s]];
                }
                System.arraycopy(row, local.features(), kept, selected.length, others);
                sorted.setRow(r, kept);
            }
        }
        int errors = local.layers() * local.positions();
        return new FullGraph(
                local, explained, selected, new Adjacency(sorted, selected.length, errors, local.positions(), weights));
    }

    /** With the first k rows at the end, in the same memory. */
    private static Matrix rotated(Matrix rows, int k) {
        if (rows.cols() == 0) {
            return rows;
        }
        float[][] first = new float[k][];
        for (int r = 0; r < k; r++) {
            first[r] = rows.row(r);
        }
        java.lang.foreign.MemorySegment m = rows.segment();
        java.lang.foreign.MemorySegment.copy(m, rows.offset(k), m, 0, m.byteSize() - rows.offset(k));
        for (int r = 0; r < k; r++) {
            rows.setRow(rows.rows() - k + r, first[r]);
        }
        return rows;
    }

    /** The features of most influence by the rows that there are, which have none themselves. */
    private static int[] most(LocalModel local, Matrix rows, int[] rowOf, int done, double[] weights, int count) {
        double[] influence = new double[local.columns()];
        float[] row = new float[local.columns()];
        for (int k = 0; k < weights.length; k++) {
            spread(rows, k, weights[k], row, influence);
        }
        for (int f = local.features() - 1; f >= 0 && done > 0; f--) {
            if (rowOf[f] > 0) {
                spread(rows, rowOf[f], influence[f], row, influence);
            }
        }
        return java.util.stream.IntStream.range(0, local.features())
                .filter(f -> rowOf[f] == 0)
                .boxed()
                .sorted((a, b) -> Double.compare(influence[b], influence[a]))
                .mapToInt(Integer::intValue)
                .limit(count)
                .toArray();
    }

    private static void spread(Matrix rows, int r, double by, float[] row, double[] influence) {
        if (by == 0) {
            return;
        }
        rows.copyRow(r, row);
        double sum = 0;
        for (float a : row) {
            sum += Math.abs(a);
        }
        for (int c = 0; c < row.length && sum > 0; c++) {
            influence[c] += by * Math.abs(row[c]) / sum;
        }
    }

    private static int[] numbers(int from, int count) {
        int[] all = new int[count];
        Arrays.setAll(all, i -> from + i);
        return all;
    }

    /** Activations of the selected features. */
    float[] activations() {
        float[] all = new float[selected.length];
        for (int s = 0; s < all.length; s++) {
            all[s] = local.activation(selected[s]);
        }
        return all;
    }

    /** For each selected feature, the number of the error at its layer and position. */
    int[] errorOf() {
        return Arrays.stream(selected)
                .map(f -> local.layer(f) * local.positions() + local.position(f))
                .toArray();
    }

    /** The scores with some columns only. */
    GraphScores scores(BitSet kept) {
        BitSet stay = (BitSet) kept.clone();
        stay.clear(selected.length, edges.columns());
        return edges.folded(stay, errorOf(), Progress.silent()).scores();
    }
}
