package dev.loupe.bench;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import java.util.Random;

/** How fast this machine takes TopK steps of a size at which the product is most of the work. */
final class StepRate {
    private static final int WIDTH = 768;
    private static final int LATENTS = 16_384;
    private static final int BATCH = 2048;
    private static final int K = 32;
    private static final int WARM = 12;
    private static final int STEPS = 8;

    private StepRate() {}

    /** Multiplications and additions a second of the dense product, whole steps counted. */
    static double measure() {
        Random random = new Random(7);
        float[][] decoder = gaussian(random, LATENTS, (float) (1 / Math.sqrt(WIDTH)));
        Matrix rows = Matrix.copyOf(gaussian(random, BATCH, 1));
        StepRule rule = StepRule.of(Selection.TOPK, new AdamRule(1e-4, 0.9, 0.999, 1e-8))
                .k(K)
                .build();
        try (TrainSession session = SaeEngine.best()
                .open(TrainState.initial(new Parameters(
                        Matrix.copyOf(decoder),
                        Matrix.copyOf(decoder),
                        new float[LATENTS],
                        new float[WIDTH],
                        new float[0])))) {
            long start = 0;
            for (int i = 0; i < WARM + STEPS; i++) {
                if (i == WARM) {
                    start = System.nanoTime();
                }
                session.step(rows, rule);
            }
            return 2.0 * STEPS * BATCH * WIDTH * LATENTS / ((System.nanoTime() - start) / 1e9);
        }
    }

    private static float[][] gaussian(Random random, int count, float scale) {
        float[][] values = new float[count][WIDTH];
        for (float[] row : values) {
            for (int i = 0; i < WIDTH; i++) {
                row[i] = scale * (float) random.nextGaussian();
            }
        }
        return values;
    }
}
