package dev.loupe.bench;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Whole training steps of a TopK SAE of the demo's shape: forward, gradients, unit decoder rows, Adam. The peer does the
 * same with PyTorch's autograd, a dense decoder product as SAELens has it, and the fused Adam. Both go on from run to run,
 * so the mean loss of the last run depends on every step before it.
 */
final class TrainStepBench implements Benchmark {
    private static final int BATCH = 1024;
    private static final int BATCHES = 4;
    private static final int STEPS = 20;

    private final Matrix[] batches = new Matrix[BATCHES];
    private @Nullable TrainSession session;

    @Override
    public String name() {
        return "train-step";
    }

    @Override
    public String setting() {
        return STEPS + " steps of " + BATCH + " rows, TopK of " + SaeData.K + " among " + SaeData.LATENTS
                + " latents of width " + SaeData.WIDTH + ", Adam, unit decoder rows, no dead latents";
    }

    @Override
    public String unit() {
        return "tokens/s";
    }

    @Override
    public double tolerance() {
        return 2e-3; // rounding decides some ties among the k largest, and training amplifies it
    }

    @Override
    public void prepare(Path folder) throws Exception {
        float[][] decoder = SaeData.directions(1, SaeData.LATENTS, 0.5);
        float[][] rows = SaeData.mixtures(2, BATCH * BATCHES);
        NpyFile.write(folder.resolve("decoder.npy"), decoder);
        NpyFile.write(folder.resolve("rows.npy"), rows);
        for (int b = 0; b < BATCHES; b++) {
            batches[b] = Matrix.copyOf(java.util.Arrays.copyOfRange(rows, b * BATCH, (b + 1) * BATCH));
        }
        session = SaeEngine.best()
                .open(TrainState.initial(new Parameters(
                        Matrix.copyOf(decoder),
                        Matrix.copyOf(decoder),
                        new float[SaeData.LATENTS],
                        new float[SaeData.WIDTH],
                        new float[0])));
    }

    @Override
    public Measured run() {
        StepRule rule = StepRule.of(Selection.TOPK, new AdamRule(1e-3, 0.9, 0.999, 1e-8))
                .k(SaeData.K)
                .build();
        TrainSession s = Objects.requireNonNull(session);
        double loss = 0;
        long start = System.nanoTime();
        for (int i = 0; i < STEPS; i++) {
            loss += s.step(batches[i % BATCHES], rule).loss() / STEPS;
        }
        return new Measured((double) STEPS * BATCH, (System.nanoTime() - start) / 1e9, loss);
    }

    @Override
    public void close() {
        if (session != null) {
            session.close();
        }
    }
}
