package dev.loupe.graph;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Which nodes and edges of a graph are kept, as circuit-tracer chooses them: nodes with most influence until they have a
 * share of all of it, then edges likewise within those nodes, then nothing that leads nowhere or comes from nowhere.
 * Embeddings and logits always stay.
 *
 * @param nodes columns of the {@link Adjacency} that stay
 * @param edges of each row of the adjacency, the columns whose edges stay
 * @param influence of each column, before anything was left out
 * @param cumulative of each column, the share that it and those with more influence have together
 */
record Pruning(BitSet nodes, BitSet[] edges, double[] influence, double[] cumulative) {

    static Pruning of(Adjacency a, double nodeThreshold, double edgeThreshold) {
        double[] influence = a.influence();
        BitSet nodes = new BitSet();
        double least = threshold(influence.clone(), nodeThreshold);
        for (int c = 0; c < influence.length; c++) {
            if (influence[c] >= least || c >= a.features() + a.errors()) {
                nodes.set(c);
            }
        }
        BitSet[] edges = edges(a, nodes, edgeThreshold);
        settle(a, nodes, edges);
        return new Pruning(nodes, edges, influence, cumulative(influence));
    }

    /** The smallest score among the largest ones that sum to a share of all. Sorts its argument. */
    static double threshold(double[] scores, double share) {
        Arrays.sort(scores);
        double all = 0;
        for (double s : scores) {
            all += s;
        }
        double sum = 0;
        for (int i = scores.length - 1; i >= 0; i--) {
            sum += scores[i];
            if (sum / all >= share) {
                return scores[i];
            }
        }
        return scores.length == 0 ? 0 : scores[0];
    }

    private static double[] cumulative(double[] influence) {
        Integer[] order = new Integer[influence.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (x, y) -> Double.compare(influence[y], influence[x]));
        double all = Arrays.stream(influence).sum();
        double[] cumulative = new double[influence.length];
        double sum = 0;
        for (int c : order) {
            sum += influence[c];
            cumulative[c] = all == 0 ? 1 : Math.min(1, sum / all);
        }
        return cumulative;
    }

    private static BitSet[] edges(Adjacency a, BitSet nodes, double share) {
        int rows = a.features() + a.logits();
        int[] columns = nodes.stream().toArray();
        float[] row = new float[a.columns()];
        double[] pruned = new double[a.columns()]; // influence within the kept nodes
        double[][] scores = new double[rows][];
        int count = 0;
        for (int i = 0; i < rows; i++) { // logits first, then features from the last layer down
            int r = i < a.logits() ? a.features() + i : rows - 1 - i;
            double weight = r < a.features() ? pruned[r] : a.logitWeight(r - a.features());
            scores[r] = new double[0];
            if (weight == 0 || (r < a.features() && !nodes.get(r))) {
                continue;
            }
            a.copy(r, row);
            double sum = 0;
            for (int c : columns) {
                sum += Math.abs(row[c]);
            }
            if (sum == 0) {
                continue;
            }
            scores[r] = new double[columns.length];
            for (int j = 0; j < columns.length; j++) {
                double score = weight * Math.abs(row[columns[j]]) / Math.max(1e-10, sum);
                scores[r][j] = score;
                pruned[columns[j]] += score;
                count += score > 0 ? 1 : 0;
            }
        }
        double[] flat = new double[count];
        int at = 0;
        for (double[] ofRow : scores) {
            for (double s : ofRow) {
                if (s > 0) {
                    flat[at++] = s;
                }
            }
        }
        double least = threshold(flat, share);
        BitSet[] edges = new BitSet[rows];
        for (int r = 0; r < rows; r++) {
            edges[r] = new BitSet();
            for (int j = 0; j < scores[r].length; j++) {
                if (scores[r][j] > 0 && scores[r][j] >= least) {
                    edges[r].set(columns[j]);
                }
            }
        }
        return edges;
    }

    /** Takes away features without incoming and features and errors without outgoing edges, until none is left. */
    private static void settle(Adjacency a, BitSet nodes, BitSet[] edges) {
        int inner = a.features() + a.errors();
        boolean changed = true;
        while (changed) {
            BitSet sources = new BitSet();
            for (BitSet ofRow : edges) {
                sources.or(ofRow);
            }
            changed = false;
            for (int c = nodes.nextSetBit(0); c >= 0 && c < inner; c = nodes.nextSetBit(c + 1)) {
                if (!sources.get(c) || (c < a.features() && edges[c].isEmpty())) {
                    nodes.clear(c);
                    changed = true;
                }
            }
            if (changed) {
                for (int r = 0; r < edges.length; r++) {
                    if (r < a.features() && !nodes.get(r)) {
                        edges[r].clear();
                    } else {
                        edges[r].and(nodes);
                    }
                }
            }
        }
    }
}
