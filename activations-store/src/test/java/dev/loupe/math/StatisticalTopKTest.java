package dev.loupe.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class StatisticalTopKTest {
    /** p and scipy.stats.norm.ppf(p), SciPy 1.17; both tails and both sides of every change of polynomial. */
    private static final double[][] SCIPY = {
        {1e-300, -37.0470962993612},
        {1e-20, -9.262340089798409},
        {1e-10, -6.361340902404056},
        {0.001, -3.090232306167813},
        {0.02425, -1.972961051311885},
        {0.075, -1.4395314709384563},
        {0.25, -0.6744897501960817},
        {0.5, 0.0},
        {0.7, 0.5244005127080407},
        {0.925, 1.4395314709384563},
        {0.99, 2.3263478740408408},
        {0.9990234375, 3.0972690781987846},
        {0.998046875, 2.8856349124267573},
        {0.999999999, 5.997807019601637}
    };

    @Test
    void theQuantileIsSciPys() {
        for (double[] pair : SCIPY) {
            assertThat(StatisticalTopK.quantile(pair[0]))
                    .as("Q(%s)", pair[0])
                    .isCloseTo(pair[1], within(1e-13 * (1 + Math.abs(pair[1]))));
        }
    }

    /** The paper's case: 32 of 32,768 normally distributed values. */
    @Test
    void aboutKOfNormallyDistributedValuesExceedIt() {
        Random random = new Random(1);
        float[] x = new float[32_768];
        long count = 0;
        int rows = 200;
        for (int r = 0; r < rows; r++) {
            float mean = r % 7 - 3;
            float std = 0.1f + r % 5;
            for (int i = 0; i < x.length; i++) {
                x[i] = mean + std * (float) random.nextGaussian();
            }
            double theta = StatisticalTopK.threshold(x, 0, x.length, 32);
            for (float v : x) {
                count += v > theta ? 1 : 0;
            }
        }
        assertThat((double) count / rows).isBetween(0.95 * 32, 1.05 * 32);
    }

    @Test
    void meanAndDeviationAreThoseOfTheRange() {
        float[] x = {99, .5f, -1, 2, .1f, 99}; // mean .4, mean of squares 1.315
        double std = Math.sqrt(1.315 - .16);
        assertThat(StatisticalTopK.threshold(x, 1, 4, 1)).isCloseTo(.4 + std * 0.6744897501960817, within(1e-7));
        assertThat(StatisticalTopK.threshold(x, 1, 4, 2)).isCloseTo(.4, within(1e-7));
        assertThat(StatisticalTopK.threshold(x, 1, 4, 4)).isEqualTo(Double.NEGATIVE_INFINITY);
        assertThat(StatisticalTopK.threshold(x, 1, 4, 0)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(StatisticalTopK.threshold(new float[] {3, 3, 3}, 0, 3, 1)).isCloseTo(3, within(1e-7));
    }

    @Test
    void whatIsNotANumberShows() {
        assertThat(StatisticalTopK.threshold(new float[] {1, Float.NaN, 3}, 0, 3, 1))
                .isNaN();
    }
}
