package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.engine.TrainState;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeFiles;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import dev.loupe.store.StoreManifest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains SAEs on an activation store or straight from a model, one per seed, one after another, each on all cores. A killed or cancelled run leaves
 * a checkpoint; the same order then goes on from there and ends with the same bits. An SAE that is there already, complete
 * and trained by the same order, is kept.
 */
public final class TrainJob {
    private static final String DATA_ORDER = "data_order";

    private TrainJob() {}

    /**
     * Trains.
     *
     * @throws LoupeException if the store, the hook point or the memory does not do, another SAE has the name, or the loss
     *     diverges
     * @throws dev.loupe.base.CancelledException if that was asked for; what was finished is kept
     */
    public static List<TrainResult> run(TrainRequest request, Progress progress) {
        if (Places.several(request.hook())) {
            return PlacesJob.run(request, progress, request.config().checkpointSeconds());
        }
        List<TrainResult> results = new ArrayList<>();
        try (TrainingRows rows = TrainingRows.open(request, progress)) {
            Origin origin = rows.origin();
            boolean transcoder = !origin.hookOut().isEmpty();
            MemoryNeed.check(request.config(), rows.widest());
            if (!origin.live().isEmpty() && request.seeds().size() > 1) {
                return together(request, rows, progress); // passes of the model are dear
            }
            for (long seed : request.seeds()) {
                String name = request.nameOf(seed);
                if (Files.notExists(request.saesDir().resolve(name))) {
                    rows.refuseOtherRun(
                            request.saesDir(), name, request.config(), seed, origin.hook(), origin.hookOut());
                }
            }
            for (long seed : request.seeds()) {
                try (BatchSource data = rows.source().apply(origin.hook());
                        BatchSource other = transcoder ? rows.source().apply(origin.hookOut()) : null) {
                    BatchSource target = other == null ? data : other;
                    results.add(one(
                            request,
                            seed,
                            data,
                            target,
                            origin,
                            progress,
                            request.config().checkpointSeconds()));
                }
            }
        }
        return results;
    }

    /**
     * Where the rows come from, for the files.
     *
     * @param store name of the store, or {@value #NO_STORE}
     * @param order of the rows, in words
     * @param live what a capture of the rows would be asked for; empty if there is a store
     */
    record Origin(
            String store,
            String fingerprint,
            String hook,
            String hookOut,
            String order,
            StoreManifest.Model model,
            Map<String, Object> saeLensMetadata,
            Map<String, Object> live) {
        /** The same rows of other hook points. */
        Origin at(String in, String out) {
            return new Origin(store, fingerprint, in, out, order, model, saeLensMetadata, live);
        }

        /** {@link #store} where nothing is stored. */
        static final String NO_STORE = "none";

        /** All rows of a store in one permutation. */
        static Origin of(ActivationStore store, String hook, String hookOut) {
            return TrainingRows.origin(store, Shuffle.FULL, hook, hookOut);
        }
    }

    private static List<TrainResult> together(TrainRequest request, TrainingRows rows, Progress progress) {
        Origin origin = rows.origin();
        List<TrainTask> tasks = request.seeds().stream()
                .map(seed -> new TrainTask(
                        request.nameOf(seed),
                        origin.store(),
                        origin.fingerprint(),
                        origin.hook(),
                        origin.hookOut(),
                        request.config(),
                        seed))
                .toList();
        MemoryNeed.check(tasks.stream().map(TrainTask::config).toList(), rows.widest());
        List<TrainResult> results = new ArrayList<>();
        try (BatchSource data = rows.source().apply(origin.hook());
                BatchSource other =
                        origin.hookOut().isEmpty() ? null : rows.source().apply(origin.hookOut())) {
            for (TrainGroup.Outcome outcome : TrainGroup.run(
                    data,
                    other == null ? data : other,
                    origin,
                    request.saesDir(),
                    tasks,
                    progress,
                    request.config().checkpointSeconds())) {
                if (outcome.result() == null) {
                    throw new LoupeException(outcome.task().name() + ": " + outcome.failure());
                }
                results.add(outcome.result());
            }
        }
        return results;
    }

    static TrainResult one(
            TrainRequest request,
            long seed,
            BatchSource data,
            BatchSource target,
            Origin origin,
            Progress progress,
            double checkpointSeconds) {
        String name = request.nameOf(seed);
        Path folder = request.saesDir().resolve(name);
        try (ArtifactLock lock = ArtifactLock.acquire(folder, "training SAE " + name)) {
            if (Files.exists(folder)) {
                return existing(request.config(), seed, folder, origin);
            }
            TrainConfig config = request.config();
            Path checkpoint = Checkpoint.file(request.saesDir(), name);
            SeedRun run = new SeedRun(
                    config.engine(),
                    config,
                    seed,
                    data,
                    target,
                    checkpoint,
                    checkpointSeconds,
                    InitFrom.of(config, request.saesDir()));
            run.keeping(new KeptSteps(folder, config, seed, origin));
            progress.stage("train " + name, config.steps(), "steps");
            long begin = System.nanoTime();
            TrainState end = run.run(progress, request.seeds().size() == 1 ? "" : "s" + seed + "/");
            double seconds = (System.nanoTime() - begin) / 1e9;
            save(folder, config, seed, origin, run, end);
            return result(name, folder, config, seed, run, seconds);
        }
    }

    /**
     * Trains an SAE on rows that come from anywhere, in memory: no files, no checkpoints.
     *
     * @param name what the SAE is called
     * @param rows what it is trained on; stays open
     */
    public static Sae onRows(String name, BatchSource rows, TrainConfig config, long seed, Progress progress) {
        MemoryNeed.check(config, rows.width());
        Path never = Path.of("." + name + ".no-checkpoint");
        SeedRun run = new SeedRun(config.engine(), config, seed, rows, rows, never, Double.MAX_VALUE);
        progress.stage("train " + name, config.steps(), "steps");
        TrainState end = run.run(progress, "");
        return new Sae(
                name,
                new SaeConfig(
                        config.method().result(),
                        config.method().result() == Architecture.TOPK ? config.k() : 0,
                        config.applyBDecToInput(),
                        "",
                        "",
                        SaeConfig.selection(config.topk().statistical(), Map.of())),
                run.finished(end),
                SaeProvenance.unknown());
    }

    /** Writes the finished SAE; its checkpoint goes, and what it kept on its way moves in. */
    static void save(Path folder, TrainConfig config, long seed, Origin origin, SeedRun run, TrainState end) {
        save(folder, config, seed, origin, run, end, run.finished(end));
        KeptSteps.settle(folder);
        AtomicFiles.delete(run.checkpointFile());
    }

    /** Writes a finished SAE with weights made of those of a run. */
    static void save(
            Path folder,
            TrainConfig config,
            long seed,
            Origin origin,
            SeedRun run,
            TrainState end,
            SaeWeights weights) {
        String name = folder.getFileName().toString();
        Sae sae = new Sae(
                name,
                new SaeConfig(
                        config.method().result(),
                        config.method().result() == Architecture.TOPK ? config.k() : 0,
                        config.applyBDecToInput(),
                        origin.model().id(),
                        origin.hook(),
                        origin.hookOut(),
                        SaeConfig.selection(config.topk().statistical(), origin.saeLensMetadata())),
                weights,
                provenance(config, seed, origin, run, end.step()));
        SaeFiles.save(sae, folder, run.curves()::write);
    }

    static TrainResult result(String name, Path folder, TrainConfig config, long seed, SeedRun run, double seconds) {
        long tokens = (config.steps() - run.resumedFrom()) * config.batch();
        return new TrainResult(
                name,
                folder,
                seed,
                false,
                run.resumedFrom(),
                tokens,
                seconds,
                tokens / seconds,
                ProcessMemory.peakBytes(),
                run.curves().last());
    }

    static TrainResult existing(TrainConfig config, long seed, Path folder, Origin origin) {
        KeptSteps.settle(folder); // a run may have been killed right after its SAE was there
        Sae sae = Sae.open(folder);
        SaeProvenance p = sae.provenance();
        boolean same = p.seed() == seed
                && origin.fingerprint().equals(p.storeFingerprint())
                && origin.hook().equals(p.hook())
                && origin.hookOut().equals(sae.config().hookNameOut())
                && origin.order().equals(other(p).getOrDefault(DATA_ORDER, origin.order()))
                && config.ofResult().equals(settings(p));
        if (!same) {
            throw new LoupeException("There is already an SAE " + folder
                    + " with other settings, data or seed: choose another name or delete it first.");
        }
        AtomicFiles.delete(folder.resolveSibling(Checkpoint.file(Path.of(""), sae.name())));
        return new TrainResult(
                sae.name(), folder, seed, true, p.steps(), 0, 0, 0, ProcessMemory.peakBytes(), p.metrics());
    }

    /** The settings of an SAE that is there; null if they are none of a training here. */
    private static @Nullable TrainConfig settings(SaeProvenance p) {
        try { // those of earlier versions lack what was added since
            return dev.loupe.base.Json.MAPPER
                    .convertValue(p.settings(), TrainConfig.class)
                    .ofResult();
        } catch (tools.jackson.core.JacksonException e) {
            return null;
        }
    }

    private static SaeProvenance provenance(TrainConfig config, long seed, Origin origin, SeedRun run, long steps) {
        Map<String, Object> other = new LinkedHashMap<>();
        other.put("weight_regime", origin.model().weightRegime());
        if (origin.model().precision() != null) {
            other.put("precision", origin.model().precision());
        }
        other.put(DATA_ORDER, origin.order());
        if (!origin.live().isEmpty()) {
            other.put("live", origin.live());
        }
        other.put("engine", run.engine());
        other.put("output_scale", run.scaleOut());
        other.put("dead_rule", "no activation above 0 for dead_window of the run's steps");
        other.put("theta", "direct, clamped at 0, float32");
        return new SaeProvenance(
                SaeProvenance.FORMAT,
                config.architecture(),
                origin.store(),
                origin.fingerprint(),
                origin.model().id(),
                origin.model().weightsChecksum(),
                origin.hook(),
                seed,
                config.dataSeed(),
                run.scale(),
                config.inputScale(),
                config.recipe(),
                config.settings(),
                steps,
                config.batch(),
                config.tokens(),
                run.curves().last(),
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                other);
    }

    private static Map<String, Object> other(SaeProvenance p) {
        return p.other() == null ? Map.of() : p.other();
    }
}
