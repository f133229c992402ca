package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import dev.loupe.kernel.PanelType;
import dev.loupe.math.Matrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is guessed from the last step may cost time, but no bit depends on it: a session that begins anew has no guess. */
class GuessTest {
    private static final int LATENTS = 300;
    private static final int WIDTH = 24;
    private static final int ROWS = 700;

    /** How many rows of each step want little for their norm; rows of the step before have told what to expect. */
    private static final int[] LOW = {0, 1, ROWS / 2, 3, ROWS, 0, 2};

    @ParameterizedTest
    @EnumSource(PanelType.class)
    void topKDoesNotDependOnTheGuess(PanelType type) {
        same(Kind.TOPK, type);
    }

    @Test
    void statisticalTopKDoesNotDependOnTheGuess() {
        same(Kind.STATISTICAL, PanelType.FLOAT32);
    }

    private static void same(Kind kind, PanelType type) {
        Cases.check(2, random -> {
            TrainState start = States.random(random, kind, LATENTS, WIDTH);
            StepRule rule = kind.rule(LATENTS, WIDTH, 12, 3, 1e-3);
            SimdEngine engine = new SimdEngine(Precision.FP32, type, 0, 10_000);
            try (TrainSession guessing = engine.open(start)) {
                for (int low : LOW) {
                    Matrix x = rows(random, start, low);
                    TrainState before = guessing.snapshot();
                    StepMetrics metrics = guessing.step(x, rule);
                    try (TrainSession anew = engine.open(before)) {
                        StepMetrics expected = anew.step(x, rule);
                        assertThat(metrics.loss()).isEqualTo(expected.loss());
                        assertThat(metrics.l0()).isEqualTo(expected.l0());
                        for (int i = 0; i < LATENTS; i += 7) {
                            assertThat(guessing.parameters().encoderRows().row(i))
                                    .isEqualTo(anew.parameters().encoderRows().row(i));
                        }
                    }
                }
            }
        });
    }

    /** Rows of noise, the last ones far along one latent: its share of their norm leaves little to the others. */
    private static Matrix rows(Cases.Random random, TrainState start, int low) {
        float[][] rows = random.matrix(ROWS, WIDTH);
        for (int r = ROWS - low; r < ROWS; r++) {
            float[] along = start.parameters().encoderRows().row(r % LATENTS);
            for (int j = 0; j < WIDTH; j++) {
                rows[r][j] = 0.01f * rows[r][j] + 50 * along[j];
            }
        }
        return Matrix.copyOf(rows);
    }
}
