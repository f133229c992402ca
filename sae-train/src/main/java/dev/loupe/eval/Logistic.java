package dev.loupe.eval;

import dev.loupe.math.DoubleOps;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;

/**
 * Binary logistic regression on standardised features with the penalty ½‖w‖² and classes weighted alike, as scikit-learn's
 * {@code LogisticRegression(C=1, class_weight="balanced")} after {@code StandardScaler}; solved by L-BFGS.
 */
public final class Logistic {
    private static final int HISTORY = 10;
    private static final int ROUNDS = 500;

    private final double[] mean;
    private final double[] scale;
    private final double[] w; // the last is the intercept, which is not penalised

    private Logistic(double[] mean, double[] scale, double[] w) {
        this.mean = mean;
        this.scale = scale;
        this.w = w;
    }

    /**
     * Fits.
     *
     * @param x [rows][features]
     * @param y the classes; both must occur
     */
    public static Logistic fit(float[][] x, boolean[] y) {
        int d = x[0].length;
        double[] mean = new double[d];
        double[] scale = new double[d];
        for (float[] row : x) {
            for (int j = 0; j < d; j++) {
                mean[j] += (double) row[j] / x.length;
            }
        }
        for (float[] row : x) {
            for (int j = 0; j < d; j++) {
                scale[j] += (row[j] - mean[j]) * (row[j] - mean[j]) / x.length;
            }
        }
        for (int j = 0; j < d; j++) {
            scale[j] = scale[j] > 0 ? 1 / Math.sqrt(scale[j]) : 0;
        }
        double[][] z = new double[x.length][d + 1];
        int positive = 0;
        for (int r = 0; r < x.length; r++) {
            for (int j = 0; j < d; j++) {
                z[r][j] = (x[r][j] - mean[j]) * scale[j];
            }
            z[r][d] = 1;
            positive += y[r] ? 1 : 0;
        }
        double up = x.length / (2.0 * Math.max(1, positive));
        double down = x.length / (2.0 * Math.max(1, x.length - positive));
        return new Logistic(mean, scale, minimise(z, y, up, down));
    }

    private static double loss(double[][] z, boolean[] y, double up, double down, double[] w, double[] gradient) {
        int d = w.length - 1;
        Arrays.fill(gradient, 0);
        double sum = 0;
        for (int j = 0; j < d; j++) {
            sum += w[j] * w[j] / 2;
            gradient[j] = w[j];
        }
        for (int r = 0; r < z.length; r++) {
            double s = DoubleOps.dot(z[r], w);
            double margin = y[r] ? s : -s;
            double weight = y[r] ? up : down;
            // log(1 + e^-m) without overflow
            sum += weight * (margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin);
            double g = -weight / (1 + Math.exp(margin)) * (y[r] ? 1 : -1);
            for (int j = 0; j <= d; j++) {
                gradient[j] += g * z[r][j];
            }
        }
        return sum;
    }

    private static double[] minimise(double[][] z, boolean[] y, double up, double down) {
        int n = z[0].length;
        double[] w = new double[n];
        double[] g = new double[n];
        double value = loss(z, y, up, down, w, g);
        Deque<double[][]> pairs = new ArrayDeque<>();
        for (int round = 0; round < ROUNDS && Math.sqrt(DoubleOps.dot(g, g)) > 1e-6 * z.length; round++) {
            double[] direction = direction(g, pairs);
            double slope = DoubleOps.dot(direction, g);
            double step = 1;
            double[] next = new double[n];
            double[] nextG = new double[n];
            double nextValue = Double.POSITIVE_INFINITY;
            for (int half = 0; half < 40; half++) {
                for (int j = 0; j < n; j++) {
                    next[j] = w[j] + step * direction[j];
                }
                nextValue = loss(z, y, up, down, next, nextG);
                if (nextValue <= value + 1e-4 * step * slope) {
                    break;
                }
                step /= 2;
            }
            if (!(nextValue < value)) {
                break;
            }
            double[] s = new double[n];
            double[] t = new double[n];
            for (int j = 0; j < n; j++) {
                s[j] = next[j] - w[j];
                t[j] = nextG[j] - g[j];
            }
            if (DoubleOps.dot(s, t) > 1e-12) {
                pairs.addFirst(new double[][] {s, t});
                if (pairs.size() > HISTORY) {
                    pairs.removeLast();
                }
            }
            w = next;
            g = nextG;
            value = nextValue;
        }
        return w;
    }

    /** The two loops of L-BFGS. */
    private static double[] direction(double[] g, Deque<double[][]> pairs) {
        double[] q = g.clone();
        double[] alpha = new double[pairs.size()];
        int i = 0;
        for (double[][] p : pairs) {
            alpha[i] = DoubleOps.dot(p[0], q) / DoubleOps.dot(p[0], p[1]);
            add(q, -alpha[i++], p[1]);
        }
        double[][] newest = pairs.peekFirst();
        double scale = newest == null
                ? 1 / Math.max(1, Math.sqrt(DoubleOps.dot(g, g)))
                : DoubleOps.dot(newest[0], newest[1]) / DoubleOps.dot(newest[1], newest[1]);
        for (int j = 0; j < q.length; j++) {
            q[j] *= scale;
        }
        for (Iterator<double[][]> it = pairs.descendingIterator(); it.hasNext(); ) {
            double[][] p = it.next();
            add(q, alpha[--i] - DoubleOps.dot(p[1], q) / DoubleOps.dot(p[0], p[1]), p[0]);
        }
        for (int j = 0; j < q.length; j++) {
            q[j] = -q[j];
        }
        return q;
    }

    private static void add(double[] to, double factor, double[] v) {
        for (int j = 0; j < to.length; j++) {
            to[j] += factor * v[j];
        }
    }

    /** The log odds of the class. */
    public double score(float[] row) {
        double sum = w[w.length - 1];
        for (int j = 0; j < row.length; j++) {
            sum += w[j] * (row[j] - mean[j]) * scale[j];
        }
        return sum;
    }

    /** The direction of the probe in the features as they came, not normalised. */
    double[] direction() {
        double[] v = new double[mean.length];
        for (int j = 0; j < v.length; j++) {
            v[j] = w[j] * scale[j];
        }
        return v;
    }

    /** Mean of the shares of both classes that are told right. */
    double balancedAccuracy(float[][] x, boolean[] y) {
        int[] right = new int[2];
        int[] all = new int[2];
        for (int r = 0; r < x.length; r++) {
            int c = y[r] ? 1 : 0;
            all[c]++;
            right[c] += score(x[r]) > 0 == y[r] ? 1 : 0;
        }
        return ((double) right[0] / Math.max(1, all[0]) + (double) right[1] / Math.max(1, all[1])) / 2;
    }

    /** 2TP / (2TP + FP + FN). */
    double f1(float[][] x, boolean[] y) {
        int hit = 0;
        int wrong = 0;
        for (int r = 0; r < x.length; r++) {
            boolean said = score(x[r]) > 0;
            hit += said && y[r] ? 1 : 0;
            wrong += said != y[r] ? 1 : 0;
        }
        return hit == 0 ? 0 : 2.0 * hit / (2.0 * hit + wrong);
    }
}
