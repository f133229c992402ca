package dev.loupe.map;

import dev.loupe.base.Progress;
import dev.loupe.compare.Cosines;
import dev.loupe.math.Matrix;
import dev.loupe.math.TopK;
import java.util.Arrays;

/**
 * How near points are to each other, as t-SNE wants it: p(j | i) is a Gaussian of the squared distance over the nearest
 * neighbours of i, as wide as gives the wanted perplexity; p(i, j) = (p(j | i) + p(i | j)) / 2n (van der Maaten and
 * Hinton, 2008, section 3; neighbours only: van der Maaten, 2014, section 4.1). Rows of a sparse symmetric matrix.
 *
 * @param start the entries of point i are start[i] up to start[i + 1]
 * @param other the other point of each entry
 * @param p its probability; all entries sum to 1
 */
record Affinities(int[] start, int[] other, double[] p) {
    private static final int BISECTIONS = 64;

    /** Affinities of rows by the angle between them: the squared distance of unit rows is 2 − 2 cos. */
    static Affinities ofDirections(Matrix rows, double perplexity, Progress progress) {
        int n = Math.toIntExact(rows.rows());
        int k = (int) Math.min(n - 1L, Math.round(3 * perplexity));
        int[][] ids = new int[n][];
        double[][] squares = new double[n][];
        TopK topK = new TopK();
        int[] chosen = new int[k];
        Cosines.forEach(rows, rows, (i, cosines) -> {
            progress.check();
            cosines[i] = Float.NEGATIVE_INFINITY; // not itself
            int found = topK.select(cosines, 0, n, k, chosen);
            ids[i] = Arrays.copyOf(chosen, found);
            squares[i] = new double[found];
            for (int e = 0; e < found; e++) {
                squares[i][e] = Math.max(0, 2 - 2 * (double) cosines[chosen[e]]);
            }
        });
        return of(ids, squares, perplexity);
    }

    /** Affinities from the neighbours of every point and their squared distances. */
    static Affinities of(int[][] ids, double[][] squares, double perplexity) {
        int n = ids.length;
        double[][] conditional = new double[n][];
        for (int i = 0; i < n; i++) {
            conditional[i] = calibrated(squares[i], Math.min(perplexity, squares[i].length));
        }
        return symmetric(ids, conditional);
    }

    /** p(j | i) with a perplexity (exp of the entropy), found by bisection of the precision. */
    static double[] calibrated(double[] squares, double perplexity) {
        double least = Arrays.stream(squares).min().orElse(0);
        double target = Math.log(perplexity);
        double low = 0;
        double high = Double.POSITIVE_INFINITY;
        double beta = 1;
        double[] p = new double[squares.length];
        for (int step = 0; step < BISECTIONS; step++) {
            double sum = 0;
            double mean = 0;
            for (int e = 0; e < p.length; e++) {
                double d = squares[e] - least; // the factor exp(-beta * least) cancels
                p[e] = Math.exp(-beta * d);
                sum += p[e];
                mean += d * p[e];
            }
            double entropy = Math.log(sum) + beta * mean / sum;
            for (int e = 0; e < p.length; e++) {
                p[e] /= sum;
            }
            if (Math.abs(entropy - target) < 1e-7) {
                break;
            }
            if (entropy > target) {
                low = beta;
                beta = high == Double.POSITIVE_INFINITY ? beta * 2 : (beta + high) / 2;
            } else {
                high = beta;
                beta = (beta + low) / 2;
            }
        }
        return p;
    }

    private static Affinities symmetric(int[][] ids, double[][] conditional) {
        int n = ids.length;
        int[] degree = new int[n + 1];
        for (int i = 0; i < n; i++) {
            for (int j : ids[i]) {
                degree[i + 1]++;
                degree[j + 1]++;
            }
        }
        for (int i = 0; i < n; i++) {
            degree[i + 1] += degree[i];
        }
        int[] other = new int[degree[n]];
        double[] p = new double[degree[n]];
        int[] at = Arrays.copyOf(degree, n);
        for (int i = 0; i < n; i++) {
            for (int e = 0; e < ids[i].length; e++) {
                int j = ids[i][e];
                double half = conditional[i][e] / (2.0 * n);
                other[at[i]] = j;
                p[at[i]++] = half;
                other[at[j]] = i;
                p[at[j]++] = half;
            }
        }
        return new Affinities(degree, other, p);
    }
}
