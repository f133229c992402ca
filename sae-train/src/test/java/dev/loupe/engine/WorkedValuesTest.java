package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.math.Matrix;
import org.junit.jupiter.api.Test;

/** Small cases that can be worked out by hand. */
class WorkedValuesTest {
    private static final double[] PI = {.10, .52, .48, 1.00};

    private static StepRule jump(double lambda) {
        return StepRule.of(Selection.THRESHOLD, new AdamRule(1e-9, 0, 0, 1))
                .sparsity(Sparsity.l0(lambda, 0))
                .kernel(ThresholdKernel.RECTANGLE, .1)
                .build();
    }

    @Test
    void jumpReluPassesWhatExceedsTheThreshold() {
        double[] f = activation(PI, .5f, jump(0));
        assertThat(f).containsExactly(0, .52, 0, 1.00);
    }

    @Test
    void theKernelActsOnBothSidesOfTheThreshold() {
        double[] dfdTheta = {0, -5, -5, 0};
        double[] dl0dTheta = {0, -10, -10, 0};
        double[] dfdPi = {0, 1, 0, 1};
        for (SaeEngine engine : new SaeEngine[] {SaeEngine.best(), SaeEngine.scalar()}) {
            for (int i = 0; i < 4; i++) {
                float bEnc = .1f; // so that x̂ differs from x where the latent is on
                Matrix x = Matrix.copyOf(new float[][] {{(float) PI[i] - bEnc}});
                double f = PI[i] > .5 ? PI[i] : 0;
                double along = 2 * (f - x.get(0, 0));
                assertThat(gradient(engine, x, bEnc, 0).parameters).isCloseTo(along * dfdTheta[i], within(1e-4));
                assertThat(gradient(engine, x, bEnc, 3).parameters)
                        .isCloseTo(along * dfdTheta[i] + 3 * dl0dTheta[i], within(1e-4));
                assertThat(gradient(engine, x, bEnc, 3).bEnc).isCloseTo(along * dfdPi[i], within(1e-5));
            }
        }
    }

    private record Gradient(double parameters, double bEnc) {}

    private static Gradient gradient(SaeEngine engine, Matrix x, float bEnc, double lambda) {
        try (TrainSession session = engine.open(States.scalarLatent(bEnc, .5f))) {
            session.step(x, jump(lambda));
            TrainState after = session.snapshot();
            return new Gradient(after.m().threshold()[0], after.m().bEnc()[0]);
        }
    }

    @Test
    void topKKeepsTheTwoLargestAndRectifiesThem() {
        StepRule two =
                StepRule.of(Selection.TOPK, new AdamRule(1, 0, 0, 1)).k(2).build();
        assertThat(activation(new double[] {.5, -1, 2, .1}, -1, two)).containsExactly(.5, 0, 2, 0);
        assertThat(activation(new double[] {-.5, -1, -2, -.1}, -1, two)).containsExactly(0, 0, 0, 0);
    }

    @Test
    void aStatisticalSelectionKeepsWhatExceedsMeanAndDeviations() {
        double[] pi = {.5, -1, 2, .1}; // mean .4, standard deviation 1.0747
        for (int k = 1; k <= 4; k++) {
            StepRule about = StepRule.of(Selection.STATISTICAL, new AdamRule(1, 0, 0, 1))
                    .k(k)
                    .build();
            double[][] kept = {{0, 0, 2, 0}, {.5, 0, 2, 0}, {.5, 0, 2, .1}, {.5, 0, 2, .1}};
            assertThat(activation(pi, -1, about)).containsExactly(kept[k - 1]); // θ = 1.1249, .4, −.3249, −∞
        }
    }

    @Test
    void batchTopKKeepsTheLargestOfAllRows() {
        StepRule one =
                StepRule.of(Selection.BATCH_TOPK, new AdamRule(1, 0, 0, 1)).k(1).build();
        ScalarValues p = values(4, -1);
        double[][] f = ScalarLoss.activations(new double[][] {{.5, -1, 2, .7}, {.1, .2, -.1, .6}}, p, one);
        assertThat(f[0]).containsExactly(0, 0, 2, .7); // two of the first row, none of the second
        assertThat(f[1]).containsExactly(0, 0, 0, 0);
    }

    @Test
    void aGateDecidesAndAMagnitudeCounts() {
        // π_gate = u + b_gate with b_gate = .1; π_mag = 2u + .3
        StepRule gate = StepRule.of(Selection.GATE, new AdamRule(1, 0, 0, 1)).build();
        TrainState one = TrainState.initial(new Parameters(
                Matrix.copyOf(new float[][] {{1}}),
                Matrix.copyOf(new float[][] {{1}}),
                new float[] {.1f},
                new float[] {0},
                new float[0],
                new float[] {.3f},
                new float[] {(float) Math.log(2)},
                Parameters.none(1)));
        ScalarValues p = ScalarValues.of(one.parameters());
        double[][] f = ScalarLoss.activations(new double[][] {{.5}, {-.05}, {.05}}, p, gate);
        assertThat(f[0][0]).isCloseTo(2 * .4 + .3, within(1e-6));
        assertThat(f[1][0]).isZero(); // the magnitude alone would be 0: 2 · −.15 + .3
        assertThat(f[2][0]).isCloseTo(2 * -.05 + .3, within(1e-6));
    }

    private static double[] activation(double[] pi, float theta, StepRule rule) {
        return ScalarLoss.activations(new double[][] {pi}, values(pi.length, theta), rule)[0];
    }

    private static ScalarValues values(int n, float theta) {
        float[] thresholds = new float[theta < 0 ? 0 : n];
        java.util.Arrays.fill(thresholds, theta);
        return ScalarValues.of(new Parameters(
                Matrix.copyOf(new float[n][1]),
                Matrix.copyOf(new float[n][1]),
                new float[n],
                new float[1],
                thresholds));
    }

    @Test
    void adamMovesAsPyTorchDoes() {
        // torch.optim.Adam: with g = ε the first step is lr · g / (|g| + ε) = lr / 2; ε added before the correction
        // gives less
        AdamRule rule = new AdamRule(1, .9, .999, 1e-3);
        float[] w = {0};
        new AdamKernel(rule, 1).update(w, new float[1], new float[1], 0, 1e-3);
        assertThat((double) w[0]).isCloseTo(-.5, within(1e-4));
    }
}
