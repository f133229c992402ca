package dev.loupe.graph;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.BitSet;

/**
 * The edges of a graph as a matrix: rows are targets (features, then logits), columns sources (features, then errors, then
 * embeddings). Features are in ascending order of layers, so edges always come from earlier columns.
 */
final class Adjacency {
    private static final double TINY = 1e-10;

    private final Matrix weights;
    private final int features;
    private final int errors;
    private final int embeddings;
    private final double[] sums; // of |row|
    private final double[] logitWeights;

    /**
     * A matrix of edges.
     *
     * @param weights {@code [features + logits, features + errors + embeddings]}
     * @param logitWeights probabilities of the logits
     */
    Adjacency(Matrix weights, int features, int errors, int embeddings, double[] logitWeights) {
        this.weights = weights;
        this.features = features;
        this.errors = errors;
        this.embeddings = embeddings;
        this.logitWeights = logitWeights;
        this.sums = new double[features + logitWeights.length];
        float[] row = new float[columns()];
        for (int r = 0; r < sums.length; r++) {
            copy(r, row);
            for (float a : row) {
                sums[r] += Math.abs(a);
            }
        }
    }

    int features() {
        return features;
    }

    int errors() {
        return errors;
    }

    int embeddings() {
        return embeddings;
    }

    int columns() {
        return features + errors + embeddings;
    }

    int logits() {
        return logitWeights.length;
    }

    double logitWeight(int k) {
        return logitWeights[k];
    }

    /** Copies a row; that of logit k is {@code features + k}. */
    void copy(int r, float[] row) {
        if (row.length > 0) {
            weights.copyRow(r, row);
        }
    }

    /** Σ of a row with its signs: what all sources together add to the target. */
    double sum(int r) {
        float[] row = new float[columns()];
        copy(r, row);
        double sum = 0;
        for (float a : row) {
            sum += a;
        }
        return sum;
    }

    /**
     * Share of each column in the logits by all paths: Σ_k w·|A|^k with rows that sum to 1. One sweep from the last layer to
     * the first, because edges only go up.
     */
    double[] influence() {
        double[] influence = new double[columns()];
        float[] row = new float[columns()];
        for (int k = 0; k < logitWeights.length; k++) {
            spread(features + k, logitWeights[k], row, influence);
        }
        for (int f = features - 1; f >= 0; f--) {
            spread(f, influence[f], row, influence);
        }
        return influence;
    }

    private void spread(int r, double by, float[] row, double[] influence) {
        if (by == 0 || sums[r] == 0) {
            return;
        }
        copy(r, row);
        double scale = by / Math.max(TINY, sums[r]);
        for (int c = 0; c < row.length; c++) {
            influence[c] += scale * Math.abs(row[c]);
        }
    }

    /**
     * What each column adds to a logit by all paths, with signs: Σ of the products of weights, each divided by the activation
     * of the feature that it passes.
     */
    double[] total(int k, float[] activations) {
        double[] total = new double[columns()];
        float[] row = new float[columns()];
        copy(features + k, row);
        for (int c = 0; c < row.length; c++) {
            total[c] = row[c];
        }
        for (int f = features - 1; f >= 0; f--) {
            if (total[f] == 0 || activations[f] == 0) {
                continue;
            }
            copy(f, row);
            double by = total[f] / activations[f];
            for (int c = 0; c < row.length; c++) {
                total[c] += by * row[c];
            }
        }
        return total;
    }

    /** Replacement and completeness score as circuit-tracer defines them. */
    GraphScores scores() {
        double[] influence = influence();
        double fromErrors = 0;
        double fromEmbeddings = 0;
        for (int c = features; c < columns(); c++) {
            if (c < features + errors) {
                fromErrors += influence[c];
            } else {
                fromEmbeddings += influence[c];
            }
        }
        double explained = 0;
        double all = 0;
        float[] row = new float[columns()];
        for (int r = 0; r < sums.length; r++) {
            double weight = r < features ? influence[r] : logitWeights[r - features];
            all += weight;
            if (sums[r] == 0) {
                explained += weight; // nothing comes in, so no error does
                continue;
            }
            copy(r, row);
            double error = 0;
            for (int c = features; c < features + errors; c++) {
                error += Math.abs(row[c]);
            }
            explained += weight * (1 - error / sums[r]);
        }
        // errors and embeddings have no incoming edges: as targets they count as explained
        all += fromErrors + fromEmbeddings;
        explained += fromErrors + fromEmbeddings;
        double reached = fromErrors + fromEmbeddings;
        return new GraphScores(reached == 0 ? 0 : fromEmbeddings / reached, all == 0 ? 0 : explained / all);
    }

    /**
     * The same with some features only: those left out join the error at their layer and position.
     *
     * @param kept features that stay
     * @param errorOf for each feature the number of its error among the errors
     */
    Adjacency folded(BitSet kept, int[] errorOf, Progress progress) {
        int[] stay = kept.stream().filter(f -> f < features).toArray();
        int columns = stay.length + errors + embeddings;
        Matrix out = Matrix.allocate(Arena.ofAuto(), (long) stay.length + logits(), columns);
        float[] row = new float[columns()];
        float[] folded = new float[columns];
        for (int r = 0; r < stay.length + logits(); r++) {
            progress.check();
            copy(r < stay.length ? stay[r] : features + r - stay.length, row);
            System.arraycopy(row, features, folded, stay.length, errors + embeddings);
            for (int f = 0, s = 0; f < features; f++) {
                if (kept.get(f)) {
                    folded[s++] = row[f];
                } else {
                    folded[stay.length + errorOf[f]] += row[f];
                }
            }
            if (columns > 0) {
                out.setRow(r, folded);
            }
        }
        return new Adjacency(out, stay.length, errors, embeddings, logitWeights);
    }
}
