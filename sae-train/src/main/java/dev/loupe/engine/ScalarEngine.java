package dev.loupe.engine;

import dev.loupe.math.DoubleOps;
import dev.loupe.math.Matrix;
import java.util.List;
import org.jspecify.annotations.Nullable;

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

    @SuppressWarnings("NullAway.Init") // restore sets all of them
    private static final class Session implements TrainSession {
        private ScalarValues p;
        private ScalarValues m;
        private ScalarValues v;
        private @Nullable ScalarValues average;
        private int[] sinceFired;
        private double[] activity;
        private float[] rowErrors = new float[0];
        private long step;

        Session(TrainState s) {
            restore(s);
        }

        @Override
        public StepMetrics step(Matrix input, Matrix target, StepRule rule) {
            double[][] x = rows(input);
            ScalarLoss.Result lg = ScalarLoss.of(p, x, input == target ? x : rows(target), rule, sinceFired);
            StepMetrics metrics = lg.metrics();
            if (!Double.isFinite(metrics.loss())) {
                throw diverged(step + 1);
            }
            step++;
            rowErrors = ScalarValues.narrow(lg.rowErrors());
            for (int i = 0; i < sinceFired.length; i++) {
                activity[i] += lg.activity()[i];
                sinceFired[i] = lg.activity()[i] > 0 ? 0 : sinceFired[i] + 1;
                if (rule.unitDecoder()) {
                    removeParallel(lg.gradient().dec[i], p.dec[i]);
                }
            }
            List<double[]> g = lg.gradient().all();
            double norm =
                    Math.sqrt(g.stream().mapToDouble(r -> DoubleOps.dot(r, r)).sum());
            double factor = rule.clip() > 0 ? Math.min(1, rule.clip() / (norm + 1e-6)) : 1;
            if (rule.average() > 0 && average == null) {
                average = ScalarValues.of(p.narrow());
            }
            List<double[]> w = p.all();
            for (int r = 0; r < g.size(); r++) {
                adam(w.get(r), g.get(r), factor, m.all().get(r), v.all().get(r), rule.adam());
            }
            for (int i = 0; i < p.dec.length && rule.unitDecoder(); i++) {
                normalise(p.dec[i]);
            }
            for (int i = 0; i < p.theta.length; i++) {
                p.theta[i] = Math.max(0, p.theta[i]);
            }
            for (int r = 0; average != null && rule.average() > 0 && r < w.size(); r++) {
                double[] a = average.all().get(r);
                for (int j = 0; j < a.length; j++) {
                    a[j] = rule.average() * a[j] + (1 - rule.average()) * w.get(r)[j];
                }
            }
            return rule.clip() > 0 ? withNorm(metrics, norm) : metrics;
        }

        private void adam(double[] w, double[] g, double factor, double[] m1, double[] m2, AdamRule a) {
            for (int j = 0; j < w.length; j++) {
                double gj = factor * g[j];
                m1[j] = a.beta1() * m1[j] + (1 - a.beta1()) * gj;
                m2[j] = a.beta2() * m2[j] + (1 - a.beta2()) * gj * gj;
                w[j] -= a.stepSize(step) * m1[j] / (Math.sqrt(m2[j]) * a.rootCorrection(step) + a.epsilon());
            }
        }

        @Override
        public float[] rowErrors() {
            return rowErrors;
        }

        @Override
        public double[] activity() {
            return activity;
        }

        @Override
        public int[] sinceFired() {
            return sinceFired;
        }

        @Override
        public Parameters parameters() {
            return p.narrow();
        }

        @Override
        public void recycle(List<Replacement> replacements) {
            for (Replacement r : replacements) {
                int i = r.latent();
                p.enc[i] = ScalarValues.widen(r.encoderRow());
                p.dec[i] = ScalarValues.widen(r.decoderRow());
                p.bEnc[i] = r.bEnc();
                for (ScalarValues moments : List.of(m, v)) {
                    moments.enc[i] = new double[p.enc[i].length];
                    moments.dec[i] = new double[p.dec[i].length];
                    for (double[] each : List.of(moments.bEnc, moments.theta, moments.bMag, moments.rMag)) {
                        if (each.length > 0) {
                            each[i] = 0;
                        }
                    }
                }
                if (average != null) {
                    average.copyLatent(p, i);
                }
                sinceFired[i] = 0;
            }
            activity = new double[activity.length];
        }

        @Override
        public TrainState snapshot() {
            return new TrainState(
                    p.narrow(),
                    m.narrow(),
                    v.narrow(),
                    average == null ? null : average.narrow(),
                    sinceFired.clone(),
                    activity.clone(),
                    step);
        }

        @Override
        public void restore(TrainState s) {
            p = ScalarValues.of(s.parameters());
            m = ScalarValues.of(s.m());
            v = ScalarValues.of(s.v());
            average = s.average() == null ? null : ScalarValues.of(s.average());
            sinceFired = s.sinceFired().clone();
            activity = s.activity().clone();
            step = s.step();
        }

        @Override
        public void close() {}
    }

    private static double[][] rows(Matrix batch) {
        double[][] x = new double[(int) batch.rows()][];
        for (int t = 0; t < x.length; t++) {
            x[t] = ScalarValues.widen(batch.row(t));
        }
        return x;
    }

    static StepMetrics withNorm(StepMetrics m, double norm) {
        return new StepMetrics(
                m.loss(),
                m.reconstruction(),
                m.penalty(),
                m.aux(),
                m.l0(),
                m.l1(),
                m.fvu(),
                m.dead(),
                m.smallest(),
                m.power(),
                m.powerNext(),
                norm);
    }

    static void removeParallel(double[] gradient, double[] unit) {
        ScalarLoss.addTo(gradient, -DoubleOps.dot(gradient, unit), unit);
    }

    private static void normalise(double[] row) {
        double norm = Math.sqrt(DoubleOps.dot(row, row));
        for (int j = 0; j < row.length; j++) {
            row[j] /= norm;
        }
    }

    static Diverged diverged(long step) {
        return new Diverged(
                step,
                "Training diverged: the loss of step " + step
                        + " is no longer a number; use a smaller learning rate or check the activations with `loupe store verify`.");
    }
}
