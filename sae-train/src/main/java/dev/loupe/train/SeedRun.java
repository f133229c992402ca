package dev.loupe.train;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Diverged;
import dev.loupe.engine.Layout;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.sae.SaeWeights;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The training of one SAE, step by step, from its first or last checkpointed step to its last. */
final class SeedRun implements AutoCloseable {
    private final SaeEngine engine;
    private final TrainConfig config;
    private final BatchSource data;
    private final BatchSource target;
    private final double scale;
    private final double scaleOut;
    private final Checkpoint.Identity identity;
    private final Path checkpointFile;
    private final double checkpointSeconds;
    private final @Nullable InitFrom from;
    private final Recycler recycler;

    private final Layout layout;
    private final Objective objective;
    private final Curves curves;
    private final Schedule rate;
    private final long keepSteps;
    private @Nullable TrainSession session;
    private @Nullable KeptSteps keep;
    private long next;
    private long resumedFrom;
    private long checkpointed;
    private long shownStep;
    private long shownAt;

    /** @param target what is reconstructed; the same object as {@code data} except for transcoders */
    SeedRun(
            SaeEngine engine,
            TrainConfig config,
            long seed,
            BatchSource data,
            BatchSource target,
            Path checkpointFile,
            double checkpointSeconds) {
        this(engine, config, seed, data, target, checkpointFile, checkpointSeconds, null);
    }

    /** @param from whose weights are the start; null for random ones */
    SeedRun(
            SaeEngine engine,
            TrainConfig config,
            long seed,
            BatchSource data,
            BatchSource target,
            Path checkpointFile,
            double checkpointSeconds,
            @Nullable InitFrom from) {
        this.engine = engine;
        this.config = config;
        this.data = data;
        this.target = target;
        this.scale = factor(config, data);
        this.scaleOut = data == target ? scale : factor(config, target);
        this.from = from;
        this.recycler = new Recycler(config, seed);
        this.identity = Checkpoint.Identity.of(config, seed, data, target, from);
        this.checkpointFile = checkpointFile;
        this.checkpointSeconds = checkpointSeconds;
        this.layout = layout(data, target);
        this.objective = Objective.of(config, data.width());
        this.curves = new Curves(config.steps());
        this.rate = config.learningRateSchedule();
        this.keepSteps = config.keepSteps();
    }

    /** Keeps the weights on the way, as often as the settings say; to be said before the run is opened. */
    SeedRun keeping(KeptSteps steps) {
        keep = keepSteps > 0 ? steps : null;
        return this;
    }

    /** Latents that read several places and write several others belong to one of the former each. */
    static Layout layout(BatchSource data, BatchSource target) {
        return new Layout(
                data.ends(), target.ends(), data != target && data.ends().size() > 1);
    }

    /** The finished weights: they take raw activations. */
    SaeWeights finished(TrainState end) {
        return Folding.finished(objective.finish(end.result()), config, data, target, scale, scaleOut);
    }

    static double factor(TrainConfig config, BatchSource rows) {
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

    /** Where its checkpoints lie. */
    Path checkpointFile() {
        return checkpointFile;
    }

    /** What takes its steps, and where. */
    EngineNote engine() {
        return EngineNote.of(engine);
    }

    /** What takes its steps. */
    SaeEngine takesSteps() {
        return engine;
    }

    /** Every setting. */
    TrainConfig config() {
        return config;
    }

    /** Begins at the start of the run or at its last checkpoint. */
    void open(Progress progress) {
        AtomicFiles.sweep(checkpointFile);
        Optional<Checkpoint> kept = Checkpoint.read(checkpointFile, identity);
        TrainState start = kept.map(Checkpoint::state).orElseGet(() -> initial(progress));
        kept.ifPresent(c -> {
            objective.restore(c.objective());
            curves.restore(c.curves());
            progress.message("Going on from step " + c.state().step() + " of " + config.steps() + ".");
            EngineNote before = c.engine();
            if (before != null && !before.sameBits(engine())) {
                progress.message("The checkpoint was written by another engine (" + before + "; now " + engine()
                        + "): the rest of the run will not have the bits of an undisturbed one.");
            }
        });
        LongSpans.note(config).ifPresent(progress::message);
        resumedFrom = start.step();
        next = start.step();
        checkpointed = next;
        session = engine.open(start);
        if (keep != null && next == 0) {
            keep.begin();
        }
    }

    private TrainState initial(Progress progress) {
        TrainState start = from == null
                ? Initializer.initial(config, data, target, scale, scaleOut, identity.seed())
                : from.state(config, data.width(), target.width(), scale, scaleOut);
        objective.begin(start.parameters());
        float[] theta = start.parameters().threshold();
        if (from == null && theta.length > 0 && StartingThreshold.median(theta) != (float) config.threshold()) {
            progress.message(String.format(
                    java.util.Locale.ROOT,
                    "Thresholds start at quantiles of measured pre-activations, %.3g in the middle, instead of %.3g.",
                    StartingThreshold.median(theta),
                    config.threshold()));
        }
        return start;
    }

    /** The step to be taken next, counted from 0. */
    long next() {
        return next;
    }

    /** Whether all steps were taken. */
    boolean done() {
        return next >= config.steps();
    }

    /**
     * Takes the next step.
     *
     * @param batch the input in training units
     * @param wanted the target in training units
     * @param prefix of the names of live curves
     */
    void step(Matrix batch, Matrix wanted, Progress progress, String prefix) {
        AdamRule adam =
                new AdamRule(config.learningRate() * rate.at(next), config.beta1(), config.beta2(), config.epsilon());
        StepRule rule = objective.rule(next, adam).layout(layout).build();
        boolean point = curves.wants(next);
        try {
            if (point || objective.observes()) {
                StepMetrics metrics = session().step(batch, wanted, rule);
                objective.observe(next, metrics);
                if (point) {
                    curves.add(next, metrics, rule, objective.sparsityWeight(rule), progress, prefix);
                    showSpeed(progress, prefix);
                    Curves.showThresholds(next, session().parameters().threshold(), progress, prefix);
                }
            } else {
                session().advance(batch, wanted, rule);
            }
            recycle(batch, progress);
            next++;
            if (keep != null && next % keepSteps == 0 && !done()) {
                keep.keep(this, snapshot());
            }
        } catch (Diverged e) {
            TrainState state = session().snapshot();
            String file = checkpointFile.toString();
            throw e.step() == next + 1
                    ? Divergence.explain(e.step(), batch, wanted, state, checkpointed, file)
                    : Divergence.explainLate(e.step(), state, checkpointed, file);
        }
    }

    private void recycle(Matrix batch, Progress progress) {
        int recycled = recycler.run(session(), next, batch, data == target);
        if (recycled > 0) {
            progress.message("Step " + (next + 1) + ": " + recycled + " latents began anew.");
        }
    }

    /** Rows a second since the last point; not part of the file, which has the same bits whatever the machine does. */
    private void showSpeed(Progress progress, String prefix) {
        long now = System.nanoTime();
        if (shownAt != 0 && next > shownStep) {
            double seconds = Math.max(1e-9, (now - shownAt) / 1e9);
            progress.metric(prefix + "tokens_per_second", next, (next - shownStep) * config.batch() / seconds);
        }
        shownAt = now;
        shownStep = next;
    }

    /** The weights as they are now. */
    TrainState snapshot() {
        return session().snapshot();
    }

    /**
     * Writes down everything that is needed to go on from here.
     *
     * @throws LoupeException if a step that nobody had looked at diverged
     */
    void checkpoint() {
        TrainState state;
        try {
            state = session().snapshot();
        } catch (Diverged e) {
            throw Divergence.explainLate(e.step(), session().snapshot(), checkpointed, checkpointFile.toString());
        }
        new Checkpoint(state, objective.state(), curves.points(), engine()).write(checkpointFile, identity);
        checkpointed = next;
    }

    private TrainSession session() {
        if (session == null) {
            throw new IllegalStateException("a run is opened before it is used");
        }
        return session;
    }

    /** Frees the memory of the weights. */
    @Override
    public void close() {
        if (session != null) {
            session.close();
            session = null;
        }
    }

    /**
     * Trains to the end, alone.
     *
     * @param prefix of the names of live curves
     * @throws dev.loupe.base.CancelledException if that was asked for, after writing a checkpoint
     */
    TrainState run(Progress progress, String prefix) {
        try (SharedStream stream = new SharedStream(data, target, List.of(this), checkpointSeconds)) {
            open(progress);
            stream.run(progress, List.of(prefix), r -> {});
            return snapshot();
        } finally {
            close();
        }
    }
}
