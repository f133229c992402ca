package dev.loupe.engine;

import dev.loupe.math.DoubleOps;
import dev.loupe.math.StatisticalTopK;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The loss of {@link StepRule} and its gradient, written out as formulas in plain loops over doubles. */
final class ScalarLoss {
    private final ScalarValues p;
    private final double[][] x;
    private final double[][] y;
    private final StepRule rule;
    private final int n;
    private final int batch;
    private final int[] dead;
    private final ScalarValues g;
    private final double[][] pi;
    private final double[][] f;
    private final double[] norm;

    /** The loss and its gradient for a batch, without any update. */
    record Result(StepMetrics metrics, ScalarValues gradient, double[] activity, double[] rowErrors) {}

    private ScalarLoss(ScalarValues p, double[][] x, double[][] y, StepRule rule, int[] sinceFired) {
        this.p = p;
        this.x = x;
        this.y = y;
        this.rule = rule;
        n = p.enc.length;
        batch = x.length;
        dead = IntStream.range(0, n)
                .filter(i -> sinceFired[i] >= rule.deadAfter())
                .toArray();
        g = p.zeros();
        pi = new double[batch][n];
        norm = new double[n];
        for (int i = 0; i < n; i++) {
            norm[i] = rule.unitDecoder() ? 1 : norm(p.dec[i]);
        }
        for (int t = 0; t < batch; t++) {
            for (int i = 0; i < n; i++) {
                pi[t][i] = p.bEnc[i] + DoubleOps.dot(p.enc[i], seen(t));
            }
        }
        f = activations(pi, p, rule);
    }

    /** Forward and backward; also the function that finite differences are taken of. */
    static Result of(ScalarValues p, double[][] x, double[][] y, StepRule rule, int[] sinceFired) {
        return new ScalarLoss(p, x, y, rule, sinceFired).run();
    }

    private Result run() {
        double[] rowErrors = new double[batch];
        double nested = 0;
        double reconstruction = 0;
        double energy = 0;
        double[][] residual = new double[batch][];
        for (int t = 0; t < batch; t++) {
            energy += DoubleOps.dot(y[t], y[t]);
            int groups = rule.groups();
            double[][] error = new double[groups][]; // ŷ − y with the latents of the first groups only
            for (int group = 0; group < groups; group++) {
                error[group] = group == 0 ? start(t) : error[group - 1].clone();
                for (int i = 0; i < n; i++) {
                    if (rule.group(i) == group) {
                        addTo(error[group], f[t][i], p.dec[i]);
                    }
                }
                nested += rule.prefixWeight() * DoubleOps.dot(error[group], error[group]) / batch;
            }
            residual[t] = error[groups - 1];
            rowErrors[t] = DoubleOps.dot(residual[t], residual[t]);
            reconstruction += rowErrors[t];
            backward(t, error);
        }
        double penalty = penalties();
        double aux = rule.selection() == Selection.GATE ? gates() : 0;
        if (rule.aux() > 0 && rule.auxK() > 0 && dead.length > 0 && reconstruction > 0) {
            double weight = rule.aux() * energy / reconstruction / batch;
            for (int t = 0; t < batch; t++) {
                aux += auxiliary(t, residual[t], weight);
            }
        }
        clear();
        double[] activity = new double[n];
        double active = 0;
        double smallest = Double.POSITIVE_INFINITY;
        double[] power = new double[2];
        for (int t = 0; t < batch; t++) {
            for (int i = 0; i < n; i++) {
                activity[i] += f[t][i];
                double a = paid(t, i) * norm[i];
                power[0] += a > 0 ? Sparsity.power(a, rule.sparsity().p()) : 0;
                power[1] += a > 0 && rule.sparsity().pNext() > 0
                        ? Sparsity.power(a, rule.sparsity().pNext())
                        : 0;
                if (f[t][i] > 0) {
                    active++;
                    smallest = Math.min(smallest, f[t][i]);
                }
            }
        }
        StepMetrics metrics = new StepMetrics(
                nested + penalty + aux,
                reconstruction / batch,
                penalty,
                aux,
                active / batch,
                Arrays.stream(activity).sum() / batch,
                reconstruction / variance(y),
                dead.length,
                active > 0 ? smallest : 0,
                power[0] / batch,
                power[1] / batch,
                0);
        return new Result(metrics, g, activity, rowErrors);
    }

    /** ‖d‖, or the sum of its norms at the places of a crosscoder. */
    private double norm(double[] row) {
        double sum = 0;
        int from = 0;
        for (int end : places()) {
            sum += part(row, from, end);
            from = end;
        }
        return sum;
    }

    private List<Integer> places() {
        return rule.layout().sumsNorms() ? rule.layout().outEnds() : List.of(p.bDec.length);
    }

    private static double part(double[] row, int from, int end) {
        double[] part = Arrays.copyOfRange(row, from, end);
        return Math.sqrt(DoubleOps.dot(part, part));
    }

    /** Passes on a derivative with respect to {@link #norm} of a decoder row. */
    private void throughNorm(int i, double d) {
        int from = 0;
        for (int end : places()) {
            double length = part(p.dec[i], from, end);
            for (int j = from; j < end; j++) {
                g.dec[i][j] += d * p.dec[i][j] / length;
            }
            from = end;
        }
    }

    /** Weights that a cross-layer transcoder does not have get no gradient. */
    private void clear() {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < g.enc[i].length; j++) {
                g.enc[i][j] *= rule.layout().reads(i, n, j) ? 1 : 0;
            }
            for (int j = 0; j < g.dec[i].length; j++) {
                g.dec[i][j] *= rule.layout().writes(i, n, j) ? 1 : 0;
            }
        }
    }

    /** What the encoder sees. */
    private double[] seen(int t) {
        double[] c = x[t].clone();
        if (rule.subtractBias()) {
            addTo(c, -1, p.bDec);
        }
        return c;
    }

    /** b_dec + W_skip x − y. */
    private double[] start(int t) {
        double[] e = p.bDec.clone();
        addTo(e, -1, y[t]);
        for (int j = 0; j < p.skip.length; j++) {
            e[j] += DoubleOps.dot(p.skip[j], x[t]);
        }
        return e;
    }

    /** What the penalty on activations is paid for. */
    private double paid(int t, int i) {
        return rule.selection() == Selection.GATE ? Math.max(0, pi[t][i]) : f[t][i];
    }

    /** The gradient of the reconstruction errors, and what thresholds learn from it. */
    private void backward(int t, double[][] error) {
        for (int group = 0; group < error.length; group++) {
            double[] dYHat = new double[error[group].length]; // derivative with respect to this prefix's ŷ
            addTo(dYHat, 2 * rule.prefixWeight() / batch, error[group]);
            addTo(g.bDec, 1, dYHat);
            for (int j = 0; j < p.skip.length; j++) {
                addTo(g.skip[j], dYHat[j], x[t]);
            }
            for (int i = 0; i < n; i++) {
                if (rule.group(i) <= group) {
                    addTo(g.dec[i], f[t][i], dYHat);
                    throughActivation(t, i, DoubleOps.dot(dYHat, p.dec[i]));
                }
            }
        }
    }

    /** Passes on a derivative with respect to f_i. */
    private void throughActivation(int t, int i, double dF) {
        boolean active = f[t][i] > 0;
        if (rule.selection() == Selection.GATE) {
            if (active) {
                double gain = Math.exp(p.rMag[i]);
                g.bMag[i] += dF;
                g.rMag[i] += dF * gain * (pi[t][i] - p.bEnc[i]);
                throughDirection(t, i, dF * gain);
            }
            return;
        }
        if (active) {
            g.bEnc[i] += dF;
            throughDirection(t, i, dF);
        }
        if (rule.selection() == Selection.THRESHOLD) { // equation 11: df/dθ = −(θ/ε)K
            g.theta[i] -= dF * p.theta[i] / rule.bandwidth() * kernel(t, i);
        }
    }

    private double kernel(int t, int i) {
        return rule.kernel().at((pi[t][i] - p.theta[i]) / rule.bandwidth());
    }

    /** Passes on a derivative with respect to w_i · (what the encoder sees). */
    private void throughDirection(int t, int i, double d) {
        addTo(g.enc[i], d, seen(t));
        if (rule.subtractBias()) {
            addTo(g.bDec, -d, p.enc[i]);
        }
    }

    private double penalties() {
        Sparsity s = rule.sparsity();
        double value = 0;
        double[] frequency = new double[n];
        for (int t = 0; t < batch; t++) {
            for (int i = 0; i < n; i++) {
                frequency[i] += f[t][i] > 0 ? 1.0 / batch : 0;
                double a = paid(t, i) * norm[i];
                if (a > 0) {
                    value += s.value(a) / batch;
                    if (!rule.unitDecoder()) {
                        throughNorm(i, s.slope(a) * paid(t, i) / batch);
                    }
                }
                double slope = s.onActivations() ? s.slope(a) * norm[i] / batch : 0;
                if (rule.selection() == Selection.GATE) {
                    if (a > 0) {
                        g.bEnc[i] += slope;
                        throughDirection(t, i, slope);
                    }
                } else {
                    throughActivation(t, i, slope);
                }
            }
        }
        double l0 = Arrays.stream(frequency).sum();
        value += s.firing(l0, DoubleOps.dot(frequency, frequency));
        for (int i = 0; i < n && rule.selection() == Selection.THRESHOLD; i++) {
            for (int t = 0; t < batch; t++) { // equation 12: dH/dθ = −(1/ε)K
                g.theta[i] -= s.firingSlope(l0, frequency[i]) / rule.bandwidth() * kernel(t, i) / batch;
            }
        }
        return value + (s.preActivation() > 0 ? preActivations() : 0);
    }

    private double preActivations() {
        double value = 0;
        for (int i : rule.sparsity().onDeadOnly() ? dead : IntStream.range(0, n).toArray()) {
            double weight = rule.sparsity().preActivation() * norm[i] / batch;
            for (int t = 0; t < batch; t++) {
                if (pi[t][i] <= p.theta[i]) {
                    value += weight * (p.theta[i] - pi[t][i]);
                    g.theta[i] += weight;
                    g.bEnc[i] -= weight;
                    throughDirection(t, i, -weight);
                }
            }
        }
        return value;
    }

    /** mean ‖y − ŷ_gate‖², which teaches the gates alone: arXiv 2404.16014, equation 8. */
    private double gates() {
        double value = 0;
        for (int t = 0; t < batch; t++) {
            double[] error = start(t);
            for (int i = 0; i < n; i++) {
                addTo(error, Math.max(0, pi[t][i]), p.dec[i]);
            }
            value += DoubleOps.dot(error, error) / batch;
            for (int i = 0; i < n; i++) {
                if (pi[t][i] > 0) {
                    double d = 2 * DoubleOps.dot(error, p.dec[i]) / batch;
                    g.bEnc[i] += d;
                    throughDirection(t, i, d);
                }
            }
        }
        return value;
    }

    /** weight · ‖r − r̂‖² of one row; adds its gradient, r held constant. */
    private double auxiliary(int t, double[] residual, double weight) {
        List<Integer> chosen = largest(IntStream.of(dead), pi[t], Math.min(rule.auxK(), dead.length));
        double[] difference = residual.clone(); // r̂ − r, r = −residual
        for (int i : chosen) {
            addTo(difference, pi[t][i], p.dec[i]);
        }
        for (int i : chosen) {
            addTo(g.dec[i], 2 * weight * pi[t][i], difference);
            double d = 2 * weight * DoubleOps.dot(difference, p.dec[i]);
            g.bEnc[i] += d;
            throughDirection(t, i, d);
        }
        return weight * DoubleOps.dot(difference, difference);
    }

    /** f of a batch. */
    static double[][] activations(double[][] pi, ScalarValues p, StepRule rule) {
        int n = pi[0].length;
        double[][] f = new double[pi.length][n];
        if (rule.selection() == Selection.BATCH_TOPK) {
            double[] flat = Arrays.stream(pi).flatMapToDouble(Arrays::stream).toArray();
            largest(IntStream.range(0, flat.length), flat, rule.k() * pi.length)
                    .forEach(e -> f[e / n][e % n] = Math.max(0, flat[e]));
        }
        for (int t = 0; t < pi.length; t++) {
            if (rule.selection() == Selection.TOPK) {
                int row = t;
                largest(IntStream.range(0, n), pi[t], rule.k()).forEach(i -> f[row][i] = Math.max(0, pi[row][i]));
            }
            double least = rule.selection() == Selection.STATISTICAL ? Math.max(0, statistical(pi[t], rule.k())) : 0;
            for (int i = 0; i < n; i++) {
                double z = pi[t][i];
                switch (rule.selection()) {
                    case POSITIVE -> f[t][i] = Math.max(0, z);
                    case THRESHOLD -> f[t][i] = z > p.theta[i] ? z : 0;
                    case GATE -> f[t][i] = z > 0 ? Math.max(0, Math.exp(p.rMag[i]) * (z - p.bEnc[i]) + p.bMag[i]) : 0;
                    case STATISTICAL -> f[t][i] = z > least ? z : 0;
                    case TOPK, BATCH_TOPK -> {}
                }
            }
        }
        return f;
    }

    /** mean + std · Q(1 − k/n). */
    static double statistical(double[] pi, int k) {
        double mean = Arrays.stream(pi).sum() / pi.length;
        double variance = Arrays.stream(pi).map(z -> (z - mean) * (z - mean)).sum() / pi.length;
        return k >= pi.length
                ? Double.NEGATIVE_INFINITY
                : mean + Math.sqrt(variance) * StatisticalTopK.quantile(1 - (double) k / pi.length);
    }

    private static List<Integer> largest(IntStream ids, double[] value, int k) {
        return ids.boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -value[i]).thenComparingInt(i -> i))
                .limit(k)
                .toList();
    }

    private static double variance(double[][] y) {
        double sum = 0;
        for (int j = 0; j < y[0].length; j++) {
            double mean = 0;
            for (double[] row : y) {
                mean += row[j] / y.length;
            }
            for (double[] row : y) {
                sum += (row[j] - mean) * (row[j] - mean);
            }
        }
        return sum;
    }

    static void addTo(double[] y, double alpha, double[] x) {
        for (int j = 0; j < y.length; j++) {
            y[j] += alpha * x[j];
        }
    }
}
