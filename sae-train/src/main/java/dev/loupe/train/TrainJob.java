package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.TrainState;
import dev.loupe.model.WeightRegime;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeFiles;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.StoreManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Trains SAEs on an activation store, one per seed, one after another, each on all cores. A killed or cancelled run leaves
 * a checkpoint; the same order then goes on from there and ends with the same bits. An SAE that is there already, complete
 * and trained by the same order, is kept.
 */
public final class TrainJob {
    /** How often a checkpoint is written; what a kill can cost. */
    private static final double CHECKPOINT_SECONDS = 30;

    private TrainJob() {}

    /**
     * Trains.
     *
     * @throws LoupeException if the store, the hook point or the memory does not do, another SAE has the name, or the loss
     *     diverges
     * @throws dev.loupe.base.CancelledException if that was asked for; what was finished is kept
     */
    public static List<TrainResult> run(TrainRequest request, Progress progress) {
        List<TrainResult> results = new ArrayList<>();
        try (ActivationStore store = ActivationStore.open(request.storeFolder())) {
            String hook = hook(request, store);
            String hookOut = request.hookOut().equals(hook) ? "" : request.hookOut();
            MemoryNeed.check(
                    request.config(), Math.max(store.width(hook), hookOut.isEmpty() ? 0 : store.width(hookOut)));
            for (long seed : request.seeds()) {
                Origin origin = Origin.of(store, hook, hookOut);
                try (BatchSource data = source(request, store, hook);
                        BatchSource other = hookOut.isEmpty() ? null : source(request, store, hookOut)) {
                    BatchSource target = other == null ? data : other;
                    results.add(one(request, seed, data, target, origin, progress, CHECKPOINT_SECONDS));
                }
            }
        }
        return results;
    }

    /** Where the rows come from, for the files. */
    record Origin(
            String store,
            String fingerprint,
            String hook,
            String hookOut,
            StoreManifest.Model model,
            Map<String, Object> saeLensMetadata) {

        static Origin of(ActivationStore store, String hook, String hookOut) {
            return new Origin(
                    store.name(),
                    store.fingerprint(),
                    hook,
                    hookOut,
                    store.manifest().content().model(),
                    TrainJob.saeLensMetadata(store));
        }
    }

    private static BatchSource source(TrainRequest request, ActivationStore store, String hook) {
        return new StoreSource(
                store, hook, request.config().dataSeed(), request.config().batch());
    }

    private static String hook(TrainRequest request, ActivationStore store) {
        if (request.hook().isEmpty()) {
            if (store.hooks().size() != 1) {
                throw new UsageException("The store " + store.name() + " has several hook points: choose one of "
                        + String.join(", ", store.hooks()) + ".");
            }
            return store.hooks().getFirst();
        }
        return request.hook();
    }

    private static Map<String, Object> saeLensMetadata(ActivationStore store) {
        StoreManifest.Content content = store.manifest().content();
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("context_size", content.sequence().context());
        metadata.put("prepend_bos", content.sequence().prependBos());
        metadata.putAll(SaeNeeds.metadata(WeightRegime.parse(content.model().weightRegime())));
        metadata.put("dataset_path", content.corpus().spec());
        metadata.put("exclude_special_tokens", content.sequence().excludedTokens());
        return metadata;
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
            SeedRun run = new SeedRun(SaeEngine.best(), config, seed, data, target, checkpoint, checkpointSeconds);
            progress.stage("train " + name, config.steps(), "steps");
            long begin = System.nanoTime();
            TrainState end = run.run(progress, request.seeds().size() == 1 ? "" : "s" + seed + "/");
            double seconds = (System.nanoTime() - begin) / 1e9;
            save(folder, config, seed, origin, run, end);
            return result(name, folder, config, seed, run, seconds);
        }
    }

    /** Writes the finished SAE; its checkpoint goes. */
    static void save(Path folder, TrainConfig config, long seed, Origin origin, SeedRun run, TrainState end) {
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
                        origin.saeLensMetadata()),
                Folding.finished(run.objective().finish(end.result()), config, run.scale(), run.scaleOut()),
                provenance(config, seed, origin, run, end.step()));
        SaeFiles.save(sae, folder, run.curves()::write);
        delete(run.checkpointFile());
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
        Sae sae = Sae.open(folder);
        SaeProvenance p = sae.provenance();
        boolean same = p.seed() == seed
                && origin.fingerprint().equals(p.storeFingerprint())
                && origin.hook().equals(p.hook())
                && origin.hookOut().equals(sae.config().hookNameOut())
                && dev.loupe.base.Json.line(config.settings()).equals(dev.loupe.base.Json.line(p.settings()));
        if (!same) {
            throw new LoupeException("There is already an SAE " + folder
                    + " with other settings, data or seed: choose another name or delete it first.");
        }
        return new TrainResult(
                sae.name(), folder, seed, true, p.steps(), 0, 0, 0, ProcessMemory.peakBytes(), p.metrics());
    }

    private static SaeProvenance provenance(TrainConfig config, long seed, Origin origin, SeedRun run, long steps) {
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
                new LinkedHashMap<>(Map.of(
                        "weight_regime",
                        origin.model().weightRegime(),
                        "data_order",
                        dev.loupe.store.Shuffle.FULL.description(),
                        "output_scale",
                        run.scaleOut(),
                        "dead_rule",
                        "no activation above 0 for dead_window of the run's steps",
                        "theta",
                        "direct, clamped at 0, float32")));
    }

    private static void delete(Path checkpoint) {
        try {
            Files.deleteIfExists(checkpoint);
        } catch (IOException e) {
            throw AtomicFiles.failure(checkpoint, e);
        }
    }
}
