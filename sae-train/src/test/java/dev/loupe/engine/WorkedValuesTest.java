package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import org.junit.jupiter.api.Test;

/** Small cases that can be worked out by hand. */
class WorkedValuesTest {
    private static final double[] PI = {.10, .52, .48, 1.00};

    private static StepRule jump(double lambda) {
        return new StepRule(Architecture.JUMPRELU, 0, 0, lambda, 0, .1, 0, 0, 10, new AdamRule(1e-9, 0, 0, 1));
    }

    @Test
    void jumpReluPassesWhatExceedsTheThreshold() {
        double[] f = ScalarEngine.activation(PI, new double[] {.5, .5, .5, .5}, jump(0));
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
        StepRule two = new StepRule(Architecture.TOPK, 2, 0, 0, 0, 0, 0, 0, 10, new AdamRule(1, 0, 0, 1));
        assertThat(ScalarEngine.activation(new double[] {.5, -1, 2, .1}, new double[0], two))
                .containsExactly(.5, 0, 2, 0);
        assertThat(ScalarEngine.activation(new double[] {-.5, -1, -2, -.1}, new double[0], two))
                .containsExactly(0, 0, 0, 0);
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
