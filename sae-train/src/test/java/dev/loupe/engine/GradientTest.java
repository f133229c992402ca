package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.DoubleOps;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The hand-derived gradients of the reference engine against central differences, away from ties. */
class GradientTest {
    private static final double H = 1e-6;
    private static final int N = 7;
    private static final int D = 5;

    private interface Loss {
        double of(ScalarValues p);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everySmoothParameterAgreesWithFiniteDifferences(Kind kind) {
        Cases.check(15, random -> {
            TrainState start = States.random(random, kind, N, D);
            ScalarValues p = ScalarValues.of(start.parameters());
            StepRule with = kind.rule(N, D, 3, 1, new AdamRule(1, 0, 0, 1));
            StepRule rule = new StepRule(
                    with.selection(),
                    3,
                    with.sparsity(),
                    with.kernel(),
                    1e-3,
                    0,
                    0,
                    5,
                    with.prefixes(),
                    with.prefixWeight(),
                    with.subtractBias(),
                    with.unitDecoder(),
                    0,
                    0,
                    with.layout(),
                    with.adam());
            int[] since = {9, 0, 9, 9, 0, 0, 9};
            double[][] x = awayFromTies(random, p, rule);
            double[][] y = kind.transcodes() ? targets(random, x.length, p.bDec.length) : x;
            ScalarValues g = ScalarLoss.of(p, x, y, rule, since).gradient();
            ScalarValues frozen = ScalarValues.of(start.parameters());
            for (int i = 0; i < N; i++) { // weights that there are not stay zero
                for (int j = 0; j < p.dec[i].length; j++) {
                    assertThat(rule.layout().writes(i, N, j) || g.dec[i][j] == 0)
                            .isTrue();
                    assertThat(j >= D || rule.layout().reads(i, N, j) || g.enc[i][j] == 0)
                            .isTrue();
                }
            }
            check(p, g, q -> smoothLoss(rule.layout(), q, frozen, x, y, rule, since), kind);
        });
    }

    /** The loss as a function whose plain derivative the gradient must be: what is held constant is taken from elsewhere. */
    private static double smoothLoss(
            Layout layout,
            ScalarValues all,
            ScalarValues frozen,
            double[][] x,
            double[][] y,
            StepRule rule,
            int[] since) {
        ScalarValues q = all;
        if (layout.crossLayer()) { // a change of a weight that there is not changes nothing
            q = all.zeros();
            for (int r = 0; r < q.all().size(); r++) {
                System.arraycopy(all.all().get(r), 0, q.all().get(r), 0, q.all().get(r).length);
            }
            for (int i = 0; i < N; i++) {
                for (int j = 0; j < q.dec[i].length; j++) {
                    q.dec[i][j] *= layout.writes(i, N, j) ? 1 : 0;
                }
                for (int j = 0; j < D; j++) {
                    q.enc[i][j] *= layout.reads(i, N, j) ? 1 : 0;
                }
            }
        }
        double loss = ScalarLoss.of(q, x, y, rule, since).metrics().loss();
        if (rule.selection() == Selection.GATE) {
            loss += gateError(q, frozen, x, rule) - gateError(q, q, x, rule);
        }
        if (rule.sparsity().preActivation() > 0) {
            loss += below(q, frozen, x, rule, since) - below(q, q, x, rule, since);
        }
        return loss;
    }

    private static double gateError(ScalarValues q, ScalarValues decoder, double[][] x, StepRule rule) {
        double sum = 0;
        for (double[] row : x) {
            double[] pi = States.preActivations(q, row, rule);
            for (int j = 0; j < row.length; j++) {
                double e = decoder.bDec[j] - row[j];
                for (int i = 0; i < N; i++) {
                    e += Math.max(0, pi[i]) * decoder.dec[i][j];
                }
                sum += e * e / x.length;
            }
        }
        return sum;
    }

    private static double below(ScalarValues q, ScalarValues decoder, double[][] x, StepRule rule, int[] since) {
        double sum = 0;
        for (double[] row : x) {
            double[] pi = States.preActivations(q, row, rule);
            for (int i = 0; i < N; i++) {
                if (!rule.sparsity().onDeadOnly() || since[i] >= rule.deadAfter()) {
                    double norm = rule.unitDecoder() ? 1 : Math.sqrt(DoubleOps.dot(decoder.dec[i], decoder.dec[i]));
                    sum += rule.sparsity().preActivation() * Math.max(0, q.theta[i] - pi[i]) * norm / x.length;
                }
            }
        }
        return sum;
    }

    private static double[][] targets(Cases.Random random, int rows, int d) {
        double[][] y = new double[rows][];
        for (int t = 0; t < rows; t++) {
            y[t] = ScalarValues.widen(random.floats(d));
        }
        return y;
    }

    @Test
    void theAuxiliaryLossIsDifferentiatedWithTheResidualHeldConstant() {
        Cases.check(15, random -> {
            ScalarValues p =
                    ScalarValues.of(States.random(random, Kind.TOPK, N, D).parameters());
            double[][] x = awayFromTies(random, p, rule(0));
            int[] since = {9, 0, 9, 9, 0, 0, 9};
            StepRule with = rule(0.4);
            StepRule without = rule(0);
            ScalarLoss.Result all = ScalarLoss.of(p, x, x, with, since);
            ScalarLoss.Result main = ScalarLoss.of(p, x, x, without, since);
            double energy = 0;
            double residualEnergy = main.metrics().reconstruction() * x.length;
            double[][] residual = new double[x.length][];
            for (int t = 0; t < x.length; t++) {
                double[] f = ScalarLoss.activations(new double[][] {States.preActivations(p, x[t], with)}, p, with)[0];
                residual[t] = x[t].clone();
                for (int j = 0; j < D; j++) {
                    residual[t][j] -= p.bDec[j];
                    energy += x[t][j] * x[t][j];
                    for (int i = 0; i < N; i++) {
                        residual[t][j] -= f[i] * p.dec[i][j];
                    }
                }
            }
            double weight = 0.4 * energy / residualEnergy / x.length;
            Loss frozen = q -> {
                double sum = 0;
                for (int t = 0; t < x.length; t++) {
                    double[] pi = States.preActivations(q, x[t], with);
                    int[] chosen = IntStream.range(0, N)
                            .filter(i -> since[i] >= 5)
                            .boxed()
                            .sorted((i, j) -> Double.compare(pi[j], pi[i]))
                            .limit(2)
                            .mapToInt(i -> i)
                            .toArray();
                    for (int j = 0; j < D; j++) {
                        double left = residual[t][j];
                        for (int i : chosen) {
                            left -= pi[i] * q.dec[i][j];
                        }
                        sum += weight * left * left;
                    }
                }
                return sum;
            };
            assertThat(all.metrics().aux()).isCloseTo(frozen.of(p), within(1e-9));
            ScalarValues difference = p.zeros();
            for (int i = 0; i < N; i++) {
                subtract(all.gradient().enc[i], main.gradient().enc[i], difference.enc[i]);
                subtract(all.gradient().dec[i], main.gradient().dec[i], difference.dec[i]);
            }
            subtract(all.gradient().bEnc, main.gradient().bEnc, difference.bEnc);
            subtract(all.gradient().bDec, main.gradient().bDec, difference.bDec);
            check(p, difference, frozen, Kind.TOPK);
            for (int i = 0; i < N; i++) { // only dead latents are reached, and some always are
                if (since[i] < 5) {
                    assertThat(difference.dec[i]).containsOnly(new double[] {0}, within(1e-12));
                }
            }
            assertThat(IntStream.range(0, N)
                            .mapToDouble(i -> Math.abs(difference.enc[i][0]))
                            .sum())
                    .isGreaterThan(0);
        });
    }

    private static StepRule rule(double aux) {
        return StepRule.of(Selection.TOPK, new AdamRule(1, 0, 0, 1))
                .k(2)
                .aux(aux, 2)
                .deadAfter(5)
                .build();
    }

    private static void subtract(double[] a, double[] b, double[] out) {
        for (int j = 0; j < a.length; j++) {
            out[j] = a[j] - b[j];
        }
    }

    /** Compares all gradients except, where they come from an estimator, those of thresholds. */
    private static void check(ScalarValues p, ScalarValues g, Loss loss, Kind kind) {
        List<double[]> parameters = p.all();
        List<double[]> gradients = g.all();
        for (int r = 0; r < parameters.size(); r++) {
            double[] w = parameters.get(r);
            for (int j = 0; j < w.length && w != p.theta; j++) {
                double kept = w[j];
                w[j] = kept + H;
                double up = loss.of(p);
                w[j] = kept - H;
                double down = loss.of(p);
                w[j] = kept;
                double expected = (up - down) / (2 * H);
                double actual = gradients.get(r)[j];
                assertThat(actual)
                        .as("%s parameter %d %d", kind, r, j)
                        .isCloseTo(expected, within(2e-6 * (1 + Math.abs(expected))));
            }
        }
    }

    /** Rows whose pre-activations are not near 0, a threshold, one another, or the last one that a batch keeps. */
    private static double[][] awayFromTies(Cases.Random random, ScalarValues p, StepRule rule) {
        while (true) {
            List<double[]> rows = new ArrayList<>();
            List<double[]> pis = new ArrayList<>();
            while (rows.size() < 6) {
                double[] x = ScalarValues.widen(random.floats(p.enc[0].length));
                double[] pi = States.preActivations(p, x, rule);
                if (!States.nearTie(p, pi, rule, 1e-3)) {
                    rows.add(x);
                    pis.add(pi);
                }
            }
            if (rule.selection() != Selection.BATCH_TOPK || !States.batchTie(pis, rule.k(), 1e-3)) {
                return rows.toArray(double[][]::new);
            }
        }
    }
}
