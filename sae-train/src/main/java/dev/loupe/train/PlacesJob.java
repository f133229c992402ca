package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.engine.TrainState;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.CrossLayerTranscoder;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.TranscoderSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Training over several hook points of a store or a model:
 *
 * <ul>
 *   <li>several read and none other written: one <b>crosscoder</b>, whose latents read and write all of them (Lindsey et al.,
 *       Sparse Crosscoders for Cross-Layer Features and Model Diffing, Transformer Circuits 2024). With relu the penalty is
 *       the paper's λ Σ f Σ_places ‖d‖; with topk and batchtopk the decoder rows, all places together, keep norm one.
 *   <li>several read, as many others written: a <b>transcoder set</b>, one transcoder per layer ({@link SetJob}).
 *   <li>written with {@code *+}: a <b>cross-layer transcoder</b>, whose latents read one layer and write it and all later
 *       ones (Ameisen et al., Circuit Tracing, Transformer Circuits 2025), all layers trained as one; {@code d_sae}, k and
 *       the L0 target are per layer. It is saved layer by layer.
 * </ul>
 *
 * The layers of both are SAEs called NAME-l0, NAME-l1, ...
 */
final class PlacesJob {
    private PlacesJob() {}

    static List<TrainResult> run(TrainRequest request, Progress progress, double checkpointSeconds) {
        TrainConfig c = request.config();
        boolean together = request.hookOut().isEmpty() || Places.crossLayer(request.hookOut());
        if (together
                && (!c.initFrom().isEmpty()
                        || c.initSubspace() > 0
                        || c.recycle().on())) {
            throw new UsageException(
                    "init_from, init_subspace and recycle belong to SAEs, transcoders and sets of them, not"
                            + " to crosscoders and cross-layer transcoders.");
        }
        if (c.keepSteps() > 0 && !request.hookOut().isEmpty()) {
            throw new UsageException(
                    "keep_every is for SAEs, transcoders and crosscoders, not for sets of transcoders.");
        }
        try (TrainingRows rows = TrainingRows.open(request, progress)) {
            List<String> in = Places.of(request.hook(), rows.hooks());
            List<TrainResult> results = new ArrayList<>();
            if (request.hookOut().isEmpty()) {
                for (long seed : request.seeds()) {
                    results.add(crosscoder(request, rows, in, seed, progress, checkpointSeconds));
                }
                return results;
            }
            List<String> out = Places.of(request.hookOut(), rows.hooks());
            if (in.size() != out.size()) {
                throw new UsageException("Of the hook points, " + in.size() + " are read and " + out.size()
                        + " written: each layer needs one of either.");
            }
            for (long seed : request.seeds()) {
                results.addAll(
                        Places.crossLayer(request.hookOut())
                                ? crossLayer(request, rows, in, out, seed, progress, checkpointSeconds)
                                : SetJob.run(request, rows, in, out, seed, progress, checkpointSeconds));
            }
            return results;
        }
    }

    private static TrainResult crosscoder(
            TrainRequest request,
            TrainingRows rows,
            List<String> hooks,
            long seed,
            Progress progress,
            double checkpointSeconds) {
        MemoryNeed.check(request.config(), width(rows, hooks));
        try (BatchSource data = joined(rows, hooks, request.config())) {
            TrainJob.Origin origin = rows.origin().at(String.join(",", hooks), "");
            return TrainJob.one(request, seed, data, data, origin, progress, checkpointSeconds);
        }
    }

    private static int width(TrainingRows rows, List<String> hooks) {
        return hooks.stream().mapToInt(rows.width()).sum();
    }

    private static BatchSource joined(TrainingRows rows, List<String> hooks, TrainConfig config) {
        return new JoinedSource(hooks.stream().map(rows.source()).toList(), InputScale.of(config.inputScale()));
    }

    private static List<TrainResult> crossLayer(
            TrainRequest request,
            TrainingRows rows,
            List<String> in,
            List<String> out,
            long seed,
            Progress progress,
            double checkpointSeconds) {
        int layers = in.size();
        TrainConfig config = total(request.config(), layers);
        MemoryNeed.check(config, Math.max(width(rows, in), width(rows, out)));
        String name = request.nameOf(seed);
        List<Path> folders = new ArrayList<>();
        List<TrainJob.Origin> origins = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            folders.add(request.saesDir().resolve(TranscoderSet.nameOf(name, l)));
            origins.add(rows.origin().at(in.get(l), String.join(",", out.subList(l, layers))));
        }
        List<TrainResult> results = new ArrayList<>();
        try (ArtifactLock lock = ArtifactLock.acquire(request.saesDir().resolve(name), "training " + name);
                BatchSource data = joined(rows, in, config);
                BatchSource target = joined(rows, out, config)) {
            folders.forEach(AtomicFiles::sweep);
            if (folders.stream().allMatch(Files::exists)) {
                for (int l = 0; l < layers; l++) {
                    results.add(TrainJob.existing(config, seed, folders.get(l), origins.get(l)));
                }
                return results;
            }
            Path checkpoint = Checkpoint.file(request.saesDir(), name);
            SeedRun run = new SeedRun(config.engine(), config, seed, data, target, checkpoint, checkpointSeconds);
            progress.stage("train " + name, config.steps(), "steps");
            long begin = System.nanoTime();
            TrainState end = run.run(progress, request.seeds().size() == 1 ? "" : "s" + seed + "/");
            double seconds = (System.nanoTime() - begin) / 1e9 / layers; // each layer's share
            List<SaeWeights> cut = CrossLayerTranscoder.cut(run.finished(end), data.ends(), target.ends());
            for (int l = 0; l < layers; l++) {
                if (Files.exists(folders.get(l))) { // saved before a run was stopped at its very end
                    results.add(TrainJob.existing(config, seed, folders.get(l), origins.get(l)));
                } else {
                    TrainJob.save(folders.get(l), config, seed, origins.get(l), run, end, cut.get(l));
                    results.add(TrainJob.result(
                            folders.get(l).getFileName().toString(), folders.get(l), config, seed, run, seconds));
                }
            }
            AtomicFiles.delete(checkpoint);
            return results;
        }
    }

    /** The settings of all layers together. */
    private static TrainConfig total(TrainConfig perLayer, int layers) {
        if (perLayer.method().result() == Architecture.TOPK) {
            throw new UsageException(
                    "A cross-layer transcoder chooses among the latents of all layers, which its layers"
                            + " cannot do alone with topk: use batchtopk, jumprelu or relu.");
        }
        if (perLayer.method() == Method.MATRYOSHKA) {
            throw new UsageException(
                    "The latents of a cross-layer transcoder lie layer after layer, so that the prefixes of matryoshka"
                            + " would be those of its first layer: use batchtopk, jumprelu or relu.");
        }
        if (perLayer.skip()) {
            throw new UsageException("A cross-layer transcoder has no skip connection: set skip to false.");
        }
        return perLayer.with(Map.of(
                "d_sae",
                Math.multiplyExact(perLayer.dSae(), layers),
                "k",
                Math.multiplyExact(perLayer.k(), layers),
                "l0_target",
                perLayer.l0Target() * layers));
    }
}
