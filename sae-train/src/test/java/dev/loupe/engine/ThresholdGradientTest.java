package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The straight-through gradient of the threshold is a kernel estimate of the derivative of the <em>expected</em> loss
 * (arXiv 2407.14435, section 4): over more than a million Gaussian samples its mean must be that derivative. One latent
 * reads a direction w that is not the direction d that it writes, so that the error at the threshold is random.
 */
class ThresholdGradientTest {
    private static final int BATCHES = 80;
    private static final int ROWS = 16_384;
    private static final double BANDWIDTH = 0.05;
    private static final double LAMBDA = 0.3;
    private static final double[] W = {0.8, -0.5, 0.3};
    private static final double[] DEC = {0.6, 0.0, 0.8};
    private static final double[] B_DEC = {0.1, -0.2, 0.3};
    private static final double B_ENC = 0.2;

    @ParameterizedTest
    @ValueSource(doubles = {0.4, 0.9})
    void theMeanStraightThroughGradientIsTheDerivativeOfTheExpectedLoss(double theta) {
        StepRule rule = StepRule.of(Selection.THRESHOLD, new AdamRule(1e-9, 0, 0, 1))
                .sparsity(Sparsity.l0(LAMBDA, 0))
                .kernel(ThresholdKernel.RECTANGLE, BANDWIDTH)
                .build();
        TrainState start = TrainState.initial(new Parameters(
                Matrix.copyOf(new float[][] {floats(W)}),
                Matrix.copyOf(new float[][] {floats(DEC)}),
                new float[] {(float) B_ENC},
                floats(B_DEC),
                new float[] {(float) theta}));
        Mean engine = new Mean();
        Mean upper = new Mean();
        Mean lower = new Mean();
        Cases.Random random = Cases.Random.of(20_240_719);
        try (TrainSession session = SaeEngine.best().open(start)) {
            for (int b = 0; b < BATCHES; b++) {
                Matrix batch = Matrix.copyOf(random.floats(ROWS * 3), ROWS, 3);
                session.restore(start);
                session.step(batch, rule);
                engine.add(session.snapshot().m().threshold()[0]); // with β₁ = 0 the first moment is the gradient
                upper.add(half(batch, theta, true));
                lower.add(half(batch, theta, false));
            }
        }
        double expected = derivativeOfExpectedLoss(theta);
        assertThat(Math.abs(engine.mean() - expected)).isLessThan(3 * engine.standardError());
        // the test is sharp: an estimator that sees one half of the window only does not pass it, even if doubled
        assertThat(Math.abs(upper.mean() - expected)).isGreaterThan(10 * upper.standardError());
        assertThat(Math.abs(lower.mean() - expected)).isGreaterThan(10 * lower.standardError());
        assertThat(Math.abs(2 * upper.mean() - expected)).isGreaterThan(10 * upper.standardError());
        assertThat(Math.abs(2 * lower.mean() - expected)).isGreaterThan(10 * lower.standardError());
        assertThat(upper.mean() + lower.mean()).isCloseTo(engine.mean(), org.assertj.core.api.Assertions.within(1e-4));
    }

    /** Mean and standard error of independent batch means. */
    private static final class Mean {
        private double sum;
        private double squares;

        void add(double value) {
            sum += value;
            squares += value * value;
        }

        double mean() {
            return sum / BATCHES;
        }

        double standardError() {
            return Math.sqrt((squares / BATCHES - mean() * mean()) / (BATCHES - 1));
        }
    }

    /** The gradient that an implementation would give whose kernel has only one of its halves. */
    private static double half(Matrix batch, double theta, boolean above) {
        double sum = 0;
        float[] x = new float[3];
        for (int r = 0; r < ROWS; r++) {
            batch.copyRow(r, x);
            double pi = B_ENC;
            double along = 0;
            for (int j = 0; j < 3; j++) {
                pi += W[j] * (x[j] - B_DEC[j]);
                along += DEC[j] * (x[j] - B_DEC[j]);
            }
            boolean on = pi > theta;
            if (Math.abs(pi - theta) < BANDWIDTH / 2 && on == above) {
                sum += (2 * theta * (along - (on ? pi : 0)) - LAMBDA) / BANDWIDTH;
            }
        }
        return sum / ROWS;
    }

    /**
     * Central difference of E‖x − x̂‖² + λ·P(π &gt; θ) for x ~ N(0, I). Between θ − h and θ + h only the samples whose π
     * lies there change sides: switching the latent on changes the loss by −2π d·(x − b_dec) + π² + λ, whose mean given π
     * is linear in E[x | π].
     */
    private static double derivativeOfExpectedLoss(double theta) {
        double mean = B_ENC;
        double variance = 0;
        double covariance = 0;
        double dMean = 0;
        for (int j = 0; j < 3; j++) {
            mean -= W[j] * B_DEC[j];
            variance += W[j] * W[j];
            covariance += W[j] * DEC[j];
            dMean -= DEC[j] * B_DEC[j];
        }
        double h = 1e-3;
        int pieces = 1000;
        double integral = 0;
        for (int i = 0; i < pieces; i++) {
            double pi = theta - h + (i + 0.5) * 2 * h / pieces;
            double density = Math.exp(-(pi - mean) * (pi - mean) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
            double along = dMean + covariance / variance * (pi - mean);
            integral += density * (-2 * pi * along + pi * pi + LAMBDA) * 2 * h / pieces;
        }
        return -integral / (2 * h); // raising θ switches them off
    }

    private static float[] floats(double[] values) {
        return ScalarValues.narrow(values);
    }
}
