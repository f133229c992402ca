package dev.loupe.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The parts of the report card against plain formulas and scikit-learn. */
class ReportCardTest {
    @Test
    void klIsThatOfTheDefinition() {
        float[] a = {1, 2, 0.5f, 1000};
        float[] b = {0, 2, 1.5f, 1001};
        assertThat(KlScore.divergence(a, a)).isZero();
        float[] p = {0.2f, -1, 3};
        float[] q = {1, 1, 1};
        double[] sp = softmax(p);
        double expected = 0;
        for (double v : sp) {
            expected += v * (Math.log(v) - Math.log(1 / 3.0));
        }
        assertThat(KlScore.divergence(p, q)).isCloseTo(expected, within(1e-12));
        assertThat(KlScore.divergence(a, b)).isGreaterThanOrEqualTo(0);
    }

    private static double[] softmax(float[] v) {
        double sum = 0;
        double[] s = new double[v.length];
        for (int i = 0; i < s.length; i++) {
            s[i] = Math.exp(v[i]);
            sum += s[i];
        }
        for (int i = 0; i < s.length; i++) {
            s[i] /= sum;
        }
        return s;
    }

    /** Scores of LogisticRegression(C=1, class_weight="balanced") after StandardScaler, scikit-learn 1.9.1 (tests/python/golden_probe.py). */
    @Test
    void logisticRegressionIsThatOfScikitLearn() {
        float[][] x = new float[12][3];
        boolean[] y = new boolean[12];
        for (int r = 0; r < 12; r++) {
            for (int j = 0; j < 3; j++) {
                x[r][j] = (r * 7 + j * 5) % 11 - 3 + 0.25f * j * r;
            }
            y[r] = (r * r) % 5 < 2;
        }
        Logistic fit = Logistic.fit(x, y);
        double[] expected = GOLDEN;
        for (int r = 0; r < expected.length; r++) {
            assertThat(fit.score(x[r])).as("row " + r).isCloseTo(expected[r], within(1e-4));
        }
    }

    private static final double[] GOLDEN = {
        1.505846, 0.658820, -0.970506, 0.231692, 0.947320, -0.682006, 0.520193, -1.109133, -0.393505, 0.808693,
        -0.820633, 1.944219
    };

    @Test
    void theLatentThatTellsAClassIsFoundFirstAndHeldOutRowsDecide() {
        Random random = new Random(5);
        int n = 400;
        float[][] x = new float[n][20];
        boolean[] y = new boolean[n];
        boolean[] test = new boolean[n];
        for (int r = 0; r < n; r++) {
            y[r] = r % 4 == 0;
            test[r] = r >= 300;
            for (int j = 0; j < 20; j++) {
                x[r][j] = (float) random.nextGaussian() * 0.3f;
            }
            x[r][13] += y[r] ? 2 : 0;
        }
        assertThat(Probing.top(x, y, test, 1)).containsExactly(13);
        Probing.Split s = Probing.Split.of(x, new int[] {13}, y, test);
        assertThat(s.testX()).hasDimensions(100, 1);
        Logistic fit = Logistic.fit(s.trainX(), s.trainY());
        assertThat(fit.balancedAccuracy(s.testX(), s.testY())).isGreaterThan(0.98);
        assertThat(fit.f1(s.testX(), s.testY())).isGreaterThan(0.95);
        Probing.Split blind = Probing.Split.of(x, new int[] {2}, y, test);
        assertThat(Logistic.fit(blind.trainX(), blind.trainY()).balancedAccuracy(blind.testX(), blind.testY()))
                .isBetween(0.3, 0.7);
    }
}
