package dev.loupe.train;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.engine.AdamRule;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Optional;

/** The training of one SAE from its first or last checkpointed step to its last. */
final class SeedRun {
    private final SaeEngine engine;
    private final TrainConfig config;
    private final BatchSource data;
    private final BatchSource target;
    private final double scale;
    private final double scaleOut;
    private final Checkpoint.Identity identity;
    private final Path checkpointFile;
    private final double checkpointSeconds;

    private final Objective objective;
    private final Curves curves;
    private long resumedFrom;

    /** @param target what is reconstructed; the same object as {@code data} except for transcoders */
    SeedRun(
            SaeEngine engine,
            TrainConfig config,
            long seed,
            BatchSource data,
            BatchSource target,
            Path checkpointFile,
            double checkpointSeconds) {
        this.engine = engine;
        this.config = config;
        this.data = data;
        this.target = target;
        this.scale = factor(config, data);
        this.scaleOut = data == target ? scale : factor(config, target);
        String rows = data == target ? data.fingerprint() : data.fingerprint() + " -> " + target.fingerprint();
        this.identity = new Checkpoint.Identity(config, seed, rows);
        this.checkpointFile = checkpointFile;
        this.checkpointSeconds = checkpointSeconds;
        this.objective = Objective.of(config, data.width());
        this.curves = new Curves(config.steps());
    }

    private static double factor(TrainConfig config, BatchSource rows) {
        return InputScale.of(config.inputScale()).factor(rows.meanSquaredNorm(), rows.meanNorm(), rows.width());
    }

    /** s of the target's training units. */
    double scaleOut() {
        return scaleOut;
    }

    /** s of the training units. */
    double scale() {
        return scale;
    }

    /** The step that training went on from. */
    long resumedFrom() {
        return resumedFrom;
    }

    /** What trains it. */
    Objective objective() {
        return objective;
    }

    /** The recorded curves. */
    Curves curves() {
        return curves;
    }

    /**
     * Trains to the end.
     *
     * @param prefix of the names of live curves
     * @throws CancelledException if that was asked for, after writing a checkpoint
     */
    TrainState run(Progress progress, String prefix) {
        Optional<Checkpoint> kept = Checkpoint.read(checkpointFile, identity);
        TrainState start = kept.map(Checkpoint::state)
                .orElseGet(() -> Initializer.initial(config, data, target, scale, scaleOut, identity.seed()));
        kept.ifPresent(c -> {
            objective.restore(c.objective());
            curves.restore(c.curves());
            progress.message("Going on from step " + c.state().step() + " of " + config.steps() + ".");
        });
        resumedFrom = start.step();
        Schedule rate = config.learningRateSchedule();
        try (TrainSession session = engine.open(start);
                Arena arena = Arena.ofShared()) {
            Matrix buffer = Matrix.allocate(arena, config.batch(), data.width());
            Matrix bufferOut = data == target ? buffer : Matrix.allocate(arena, config.batch(), target.width());
            long written = System.nanoTime();
            for (long step = start.step(); step < config.steps(); step++) {
                if (progress.cancelled()) {
                    write(session);
                    throw new CancelledException();
                }
                if ((System.nanoTime() - written) / 1e9 > checkpointSeconds) {
                    write(session);
                    written = System.nanoTime();
                }
                Matrix batch = read(data, step, buffer, scale);
                Matrix wanted = batch;
                if (data != target) {
                    wanted = read(target, step, bufferOut, scaleOut);
                }
                AdamRule adam = new AdamRule(
                        config.learningRate() * rate.at(step), config.beta1(), config.beta2(), config.epsilon());
                StepRule rule = objective.rule(step, adam);
                StepMetrics metrics = session.step(batch, wanted, rule);
                objective.observe(step, metrics);
                if (curves.wants(step)) {
                    curves.add(step, metrics, rule, objective.sparsityWeight(rule), progress, prefix);
                }
                progress.advance(step + 1);
            }
            return session.snapshot();
        }
    }

    private static Matrix read(BatchSource source, long step, Matrix buffer, double scale) {
        Matrix batch = source.rows(step, buffer);
        for (long r = 0; r < batch.rows(); r++) {
            VectorOps.scale((float) scale, batch.segment(), batch.offset(r), batch.cols());
        }
        return batch;
    }

    private void write(TrainSession session) {
        new Checkpoint(session.snapshot(), objective.state(), curves.points()).write(checkpointFile, identity);
    }
}
