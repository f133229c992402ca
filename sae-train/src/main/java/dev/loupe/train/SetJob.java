package dev.loupe.train;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.sae.TranscoderSet;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A transcoder set in one stream ({@link TrainGroup}): at each step every layer's transcoder takes its step on the same rows,
 * so that a model that gives the rows makes one pass for all of them. Each ends with the bits that it would have alone.
 */
final class SetJob {
    private SetJob() {}

    static List<TrainResult> run(
            TrainRequest request,
            TrainingRows rows,
            List<String> in,
            List<String> out,
            long seed,
            Progress progress,
            double checkpointSeconds) {
        String set = request.nameOf(seed);
        List<TrainTask> tasks = new ArrayList<>();
        for (int l = 0; l < in.size(); l++) {
            tasks.add(new TrainTask(
                    TranscoderSet.nameOf(set, l),
                    rows.origin().store(),
                    rows.origin().fingerprint(),
                    in.get(l),
                    out.get(l),
                    beginning(request, l),
                    seed));
        }
        List<TrainResult> results = new ArrayList<>();
        try (ArtifactLock lock = ArtifactLock.acquire(request.saesDir().resolve(set), "training " + set)) {
            for (TrainGroup.Outcome o :
                    TrainGroup.run(rows, request.saesDir(), request.saesDir(), tasks, progress, checkpointSeconds)) {
                if (o.result() == null) {
                    throw new LoupeException(o.task().name() + ": " + o.failure());
                }
                results.add(o.result());
            }
        }
        return results;
    }

    /** The settings of a layer, which begins with the same layer of a set where that is what {@code init_from} names. */
    private static TrainConfig beginning(TrainRequest request, int layer) {
        TrainConfig c = request.config();
        if (c.initFrom().isEmpty() || Files.isDirectory(request.saesDir().resolve(c.initFrom()))) {
            return c;
        }
        return c.recipe(c.recipe(), Map.of("init_from", TranscoderSet.nameOf(c.initFrom(), layer)));
    }
}
