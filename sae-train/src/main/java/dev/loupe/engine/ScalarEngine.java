package dev.loupe.engine;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The reference: one step written out as the formulas of {@link StepRule}, plain loops, all arithmetic and all state in
 * double. Slow and meant to be read.
 */
final class ScalarEngine implements SaeEngine {

    @Override
    public String describe() {
        return "scalar reference in double";
    }

    @Override
    public TrainSession open(TrainState initial) {
        return new Session(initial);
    }

    /** The loss and its gradient for a batch, without any update. */
    record LossAndGradient(StepMetrics metrics, ScalarValues gradient, boolean[] fired) {}

    private static final class Session implements TrainSession {
        private ScalarValues p;
        private ScalarValues m;
        private ScalarValues v;
        private int[] sinceFired;
        private long step;

        Session(TrainState s) {
            p = ScalarValues.of(s.parameters());
            m = ScalarValues.of(s.m());
            v = ScalarValues.of(s.v());
            sinceFired = s.sinceFired().clone();
            step = s.step();
        }

        @Override
        public StepMetrics step(Matrix batch, StepRule rule) {
            double[][] x = new double[(int) batch.rows()][];
            for (int t = 0; t < x.length; t++) {
                x[t] = ScalarValues.widen(batch.row(t));
            }
            LossAndGradient lg = lossAndGradient(p, x, rule, sinceFired);
            if (!Double.isFinite(lg.metrics.loss())) {
                throw diverged(step + 1);
            }
            step++;
            for (int i = 0; i < sinceFired.length; i++) {
                sinceFired[i] = lg.fired[i] ? 0 : sinceFired[i] + 1;
                removeParallel(lg.gradient.dec[i], p.dec[i]);
                adam(p.enc[i], lg.gradient.enc[i], m.enc[i], v.enc[i], rule.adam());
                adam(p.dec[i], lg.gradient.dec[i], m.dec[i], v.dec[i], rule.adam());
                normalise(p.dec[i]);
            }
            adam(p.bEnc, lg.gradient.bEnc, m.bEnc, v.bEnc, rule.adam());
            adam(p.bDec, lg.gradient.bDec, m.bDec, v.bDec, rule.adam());
            adam(p.theta, lg.gradient.theta, m.theta, v.theta, rule.adam());
            for (int i = 0; i < p.theta.length; i++) {
                p.theta[i] = Math.max(0, p.theta[i]);
            }
            return lg.metrics;
        }

        private void adam(double[] w, double[] g, double[] m1, double[] m2, AdamRule a) {
            for (int j = 0; j < w.length; j++) {
                m1[j] = a.beta1() * m1[j] + (1 - a.beta1()) * g[j];
                m2[j] = a.beta2() * m2[j] + (1 - a.beta2()) * g[j] * g[j];
                w[j] -= a.stepSize(step) * m1[j] / (Math.sqrt(m2[j]) * a.rootCorrection(step) + a.epsilon());
            }
        }

        @Override
        public TrainState snapshot() {
            return new TrainState(p.narrow(), m.narrow(), v.narrow(), sinceFired.clone(), step);
        }

        @Override
        public void restore(TrainState s) {
            p = ScalarValues.of(s.parameters());
            m = ScalarValues.of(s.m());
            v = ScalarValues.of(s.v());
            sinceFired = s.sinceFired().clone();
            step = s.step();
        }

        @Override
        public void close() {}
    }

    /** Forward and backward; also the function that finite differences are taken of. */
    static LossAndGradient lossAndGradient(ScalarValues p, double[][] x, StepRule rule, int[] sinceFired) {
        int n = p.enc.length;
        int d = p.bDec.length;
        int batch = x.length;
        ScalarValues g = new ScalarValues(n, d, p.theta.length);
        boolean[] fired = new boolean[n];
        int[] dead = IntStream.range(0, n)
                .filter(i -> sinceFired[i] >= rule.deadAfter())
                .toArray();

        double[][] pi = new double[batch][n];
        double[][] f = new double[batch][n];
        double[][] error = new double[batch][d]; // x̂ − x
        double reconstruction = 0;
        double energy = 0;
        double sumL0 = 0;
        double sumL1 = 0;
        for (int t = 0; t < batch; t++) {
            for (int i = 0; i < n; i++) {
                pi[t][i] = p.bEnc[i];
                for (int j = 0; j < d; j++) {
                    pi[t][i] += p.enc[i][j] * (x[t][j] - p.bDec[j]);
                }
            }
            f[t] = activation(pi[t], p.theta, rule);
            for (int j = 0; j < d; j++) {
                error[t][j] = p.bDec[j] - x[t][j];
                energy += x[t][j] * x[t][j];
            }
            for (int i = 0; i < n; i++) {
                if (f[t][i] > 0) {
                    fired[i] = true;
                    sumL0++;
                    sumL1 += f[t][i];
                    for (int j = 0; j < d; j++) {
                        error[t][j] += f[t][i] * p.dec[i][j];
                    }
                }
            }
            reconstruction += dot(error[t], error[t]);
        }
        double l0 = sumL0 / batch;
        for (int t = 0; t < batch; t++) {
            double[] dxHat = new double[d]; // derivative of the loss with respect to x̂
            for (int j = 0; j < d; j++) {
                dxHat[j] = 2 * error[t][j] / batch;
                g.bDec[j] += dxHat[j];
            }
            for (int i = 0; i < n; i++) {
                double along = dot(dxHat, p.dec[i]);
                if (f[t][i] > 0) {
                    addTo(g.dec[i], f[t][i], dxHat);
                    double l1 = rule.architecture() == Architecture.RELU ? rule.l1() / batch : 0;
                    throughEncoder(p, g, i, along + l1, x[t]);
                }
                if (rule.architecture() == Architecture.JUMPRELU
                        && Math.abs(pi[t][i] - p.theta[i]) < rule.bandwidth() / 2) {
                    // equations 11 and 12: df/dθ = −(θ/ε)K, dH/dθ = −(1/ε)K
                    g.theta[i] -= (p.theta[i] * along + rule.l0Slope(l0) / batch) / rule.bandwidth();
                }
            }
        }
        double aux = 0;
        if (rule.architecture() == Architecture.TOPK && rule.aux() > 0 && dead.length > 0 && reconstruction > 0) {
            double weight = rule.aux() * energy / reconstruction / batch;
            for (int t = 0; t < batch; t++) {
                aux += auxiliary(p, g, pi[t], x[t], error[t], dead, Math.min(rule.auxK(), dead.length), weight);
            }
        }
        double penalty = switch (rule.architecture()) {
            case RELU -> rule.l1() * sumL1 / batch;
            case TOPK -> 0;
            case JUMPRELU -> rule.l0Penalty(l0);
        };
        double mean = reconstruction / batch;
        StepMetrics metrics = new StepMetrics(
                mean + penalty + aux, mean, penalty, aux, l0, sumL1 / batch, reconstruction / variance(x), dead.length);
        return new LossAndGradient(metrics, g, fired);
    }

    /** weight · ‖r − r̂‖² of one row; adds its gradient, r held constant. */
    private static double auxiliary(
            ScalarValues p, ScalarValues g, double[] pi, double[] x, double[] error, int[] dead, int k, double weight) {
        List<Integer> chosen = largest(IntStream.of(dead), pi, k);
        double[] difference = error.clone(); // r̂ − r, r = −error
        for (int i : chosen) {
            addTo(difference, pi[i], p.dec[i]);
        }
        double[] gradient = new double[difference.length];
        addTo(gradient, 2 * weight, difference);
        for (int i : chosen) {
            double along = dot(gradient, p.dec[i]);
            addTo(g.dec[i], pi[i], gradient);
            throughEncoder(p, g, i, along, x);
        }
        return weight * dot(difference, difference);
    }

    /** Adds the gradient of a derivative with respect to π_i. */
    private static void throughEncoder(ScalarValues p, ScalarValues g, int i, double dPi, double[] x) {
        g.bEnc[i] += dPi;
        for (int j = 0; j < x.length; j++) {
            g.enc[i][j] += dPi * (x[j] - p.bDec[j]);
            g.bDec[j] -= dPi * p.enc[i][j];
        }
    }

    static double[] activation(double[] pi, double[] theta, StepRule rule) {
        double[] f = new double[pi.length];
        switch (rule.architecture()) {
            case RELU -> {
                for (int i = 0; i < pi.length; i++) {
                    f[i] = Math.max(0, pi[i]);
                }
            }
            case TOPK -> largest(IntStream.range(0, pi.length), pi, rule.k()).forEach(i -> f[i] = Math.max(0, pi[i]));
            case JUMPRELU -> {
                for (int i = 0; i < pi.length; i++) {
                    f[i] = pi[i] > theta[i] ? pi[i] : 0;
                }
            }
        }
        return f;
    }

    private static List<Integer> largest(IntStream ids, double[] value, int k) {
        return ids.boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -value[i]).thenComparingInt(i -> i))
                .limit(k)
                .toList();
    }

    private static double variance(double[][] x) {
        double sum = 0;
        for (int j = 0; j < x[0].length; j++) {
            double mean = 0;
            for (double[] row : x) {
                mean += row[j] / x.length;
            }
            for (double[] row : x) {
                sum += (row[j] - mean) * (row[j] - mean);
            }
        }
        return sum;
    }

    static void removeParallel(double[] gradient, double[] unit) {
        addTo(gradient, -dot(gradient, unit), unit);
    }

    private static void normalise(double[] row) {
        double norm = Math.sqrt(dot(row, row));
        for (int j = 0; j < row.length; j++) {
            row[j] /= norm;
        }
    }

    static LoupeException diverged(long step) {
        return new LoupeException(
                "Training diverged: the loss of step " + step
                        + " is no longer a number; use a smaller learning rate or check the activations with `loupe store verify`.");
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int j = 0; j < a.length; j++) {
            sum += a[j] * b[j];
        }
        return sum;
    }

    private static void addTo(double[] y, double alpha, double[] x) {
        for (int j = 0; j < y.length; j++) {
            y[j] += alpha * x[j];
        }
    }
}
