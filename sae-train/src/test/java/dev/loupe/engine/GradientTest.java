package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import dev.loupe.sae.Architecture;
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
    @EnumSource(Architecture.class)
    void everySmoothParameterAgreesWithFiniteDifferences(Architecture a) {
        Cases.check(15, random -> {
            ScalarValues p = ScalarValues.of(States.random(random, a, N, D).parameters());
            double[][] x = awayFromTies(random, p, a);
            StepRule rule = new StepRule(
                    a, 3, a == Architecture.RELU ? 0.3 : 0, 0.5, 2, 1e-3, 0, 0, 1, new AdamRule(1, 0, 0, 1));
            ScalarValues g =
                    ScalarEngine.lossAndGradient(p, x, rule, new int[N]).gradient();
            check(
                    p,
                    g,
                    q -> ScalarEngine.lossAndGradient(q, x, rule, new int[N])
                            .metrics()
                            .loss());
        });
    }

    @Test
    void theAuxiliaryLossIsDifferentiatedWithTheResidualHeldConstant() {
        Cases.check(15, random -> {
            ScalarValues p = ScalarValues.of(
                    States.random(random, Architecture.TOPK, N, D).parameters());
            double[][] x = awayFromTies(random, p, Architecture.TOPK);
            int[] since = {9, 0, 9, 9, 0, 0, 9};
            StepRule with = rule(0.4);
            StepRule without = rule(0);
            ScalarEngine.LossAndGradient all = ScalarEngine.lossAndGradient(p, x, with, since);
            ScalarEngine.LossAndGradient main = ScalarEngine.lossAndGradient(p, x, without, since);
            double energy = 0;
            double residualEnergy = main.metrics().reconstruction() * x.length;
            double[][] residual = new double[x.length][];
            for (int t = 0; t < x.length; t++) {
                double[] f = ScalarEngine.activation(pi(p, x[t]), p.theta, with);
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
                    double[] pi = pi(q, x[t]);
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
            ScalarValues difference = new ScalarValues(N, D, 0);
            for (int i = 0; i < N; i++) {
                subtract(all.gradient().enc[i], main.gradient().enc[i], difference.enc[i]);
                subtract(all.gradient().dec[i], main.gradient().dec[i], difference.dec[i]);
            }
            subtract(all.gradient().bEnc, main.gradient().bEnc, difference.bEnc);
            subtract(all.gradient().bDec, main.gradient().bDec, difference.bDec);
            check(p, difference, frozen);
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
        return new StepRule(Architecture.TOPK, 2, 0, 0, 0, 0, aux, 2, 5, new AdamRule(1, 0, 0, 1));
    }

    private static void subtract(double[] a, double[] b, double[] out) {
        for (int j = 0; j < a.length; j++) {
            out[j] = a[j] - b[j];
        }
    }

    /** Compares all gradients except those of thresholds, which are no derivatives of the sampled loss. */
    private static void check(ScalarValues p, ScalarValues g, Loss loss) {
        List<double[][]> pairs = new ArrayList<>();
        for (int i = 0; i < N; i++) {
            pairs.add(new double[][] {p.enc[i], g.enc[i]});
            pairs.add(new double[][] {p.dec[i], g.dec[i]});
        }
        pairs.add(new double[][] {p.bEnc, g.bEnc});
        pairs.add(new double[][] {p.bDec, g.bDec});
        for (double[][] pair : pairs) {
            for (int j = 0; j < pair[0].length; j++) {
                double kept = pair[0][j];
                pair[0][j] = kept + H;
                double up = loss.of(p);
                pair[0][j] = kept - H;
                double down = loss.of(p);
                pair[0][j] = kept;
                double expected = (up - down) / (2 * H);
                assertThat(pair[1][j]).isCloseTo(expected, within(2e-6 * (1 + Math.abs(expected))));
            }
        }
    }

    private static double[] pi(ScalarValues p, double[] x) {
        double[] pi = p.bEnc.clone();
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < D; j++) {
                pi[i] += p.enc[i][j] * (x[j] - p.bDec[j]);
            }
        }
        return pi;
    }

    /** Rows whose pre-activations are not near 0, a threshold or one another. */
    private static double[][] awayFromTies(Cases.Random random, ScalarValues p, Architecture a) {
        List<double[]> rows = new ArrayList<>();
        while (rows.size() < 6) {
            double[] x = ScalarValues.widen(random.floats(D));
            double[] pi = pi(p, x);
            boolean tie = false;
            for (int i = 0; i < N; i++) {
                tie |= Math.abs(pi[i]) < 1e-3;
                tie |= a == Architecture.JUMPRELU && Math.abs(pi[i] - p.theta[i]) < 1e-2;
                for (int j = 0; j < i; j++) {
                    tie |= Math.abs(pi[i] - pi[j]) < 1e-3;
                }
            }
            if (!tie) {
                rows.add(x);
            }
        }
        return rows.toArray(double[][]::new);
    }
}
