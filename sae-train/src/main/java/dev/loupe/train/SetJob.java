package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.TranscoderSet;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A transcoder set in one stream: at each step every layer's transcoder takes its step on the same rows, so that a model
 * that gives the rows makes one pass for all of them. Each ends with the bits that it would have alone.
 */
final class SetJob {
    private SetJob() {}

    /** One layer on its way. */
    private record Layer(
            int number, Path folder, TrainJob.Origin origin, BatchSource data, BatchSource target, SeedRun run)
            implements AutoCloseable {
        @Override
        public void close() {
            run.close();
            data.close();
            target.close();
        }
    }

    static List<TrainResult> run(
            TrainRequest request,
            TrainingRows rows,
            List<String> in,
            List<String> out,
            long seed,
            Progress progress,
            double checkpointSeconds) {
        TrainConfig config = request.config();
        String set = request.nameOf(seed);
        List<@Nullable TrainResult> results = new ArrayList<>();
        List<Layer> layers = new ArrayList<>();
        try (ArtifactLock lock = ArtifactLock.acquire(request.saesDir().resolve(set), "training " + set)) {
            for (int l = 0; l < in.size(); l++) {
                String name = TranscoderSet.nameOf(set, l);
                Path folder = request.saesDir().resolve(name);
                TrainJob.Origin origin = rows.origin().at(in.get(l), out.get(l));
                if (Files.exists(folder)) {
                    results.add(TrainJob.existing(config, seed, folder, origin));
                    continue;
                }
                results.add(null);
                BatchSource data = rows.source().apply(in.get(l));
                BatchSource target = rows.source().apply(out.get(l));
                Path checkpoint = Checkpoint.file(request.saesDir(), name);
                SeedRun run = new SeedRun(config.engine(), config, seed, data, target, checkpoint, checkpointSeconds);
                layers.add(new Layer(l, folder, origin, data, target, run));
            }
            if (!layers.isEmpty()) {
                MemoryNeed.check(
                        java.util.Collections.nCopies(layers.size(), config),
                        Math.max(
                                in.stream().mapToInt(rows.width()).max().orElseThrow(),
                                out.stream().mapToInt(rows.width()).max().orElseThrow()));
                progress.stage("train " + set, config.steps(), "steps");
                long begin = System.nanoTime();
                layers.forEach(l -> l.run.open(progress));
                steps(layers, config, progress, checkpointSeconds);
                double seconds = (System.nanoTime() - begin) / 1e9 / layers.size(); // each layer's share
                for (Layer l : layers) {
                    TrainJob.save(l.folder, config, seed, l.origin, l.run, l.run.snapshot());
                    String name = l.folder.getFileName().toString();
                    results.set(l.number, TrainJob.result(name, l.folder, config, seed, l.run, seconds));
                }
            }
        } finally {
            layers.forEach(Layer::close);
        }
        return results.stream().map(java.util.Objects::requireNonNull).toList();
    }

    private static void steps(List<Layer> layers, TrainConfig config, Progress progress, double checkpointSeconds) {
        long written = System.nanoTime();
        long first = layers.stream().mapToLong(l -> l.run.next()).min().orElseThrow();
        for (long step = first; step < config.steps(); step++) {
            boolean late = (System.nanoTime() - written) / 1e9 > checkpointSeconds;
            if (late || progress.cancelled()) {
                for (Layer l : layers) {
                    if (l.run.next() > l.run.resumedFrom()) {
                        l.run.checkpoint();
                    }
                }
                written = System.nanoTime();
            }
            if (progress.cancelled()) {
                throw new CancelledException();
            }
            for (Layer l : layers) {
                if (l.run.next() == step) {
                    try (Arena arena = Arena.ofShared()) {
                        Matrix x = read(l.data, step, config.batch(), l.run.scale(), arena);
                        Matrix y = read(l.target, step, config.batch(), l.run.scaleOut(), arena);
                        l.run.step(x, y, progress, "l" + l.number + "/");
                    }
                }
            }
            progress.advance(step + 1);
        }
    }

    private static Matrix read(BatchSource source, long step, int batch, double scale, Arena arena) {
        Matrix rows = source.rows(step, Matrix.allocate(arena, batch, source.width()));
        for (long r = 0; r < rows.rows(); r++) {
            VectorOps.scale((float) scale, rows.segment(), rows.offset(r), rows.cols());
        }
        return rows;
    }
}
