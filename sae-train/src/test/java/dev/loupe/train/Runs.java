package dev.loupe.train;

import dev.loupe.base.Progress;
import dev.loupe.engine.SaeEngine;
import dev.loupe.store.StoreManifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Small runs for tests. */
final class Runs {
    static final TrainJob.Origin ORIGIN = new TrainJob.Origin(
            "planted",
            "fingerprint",
            "blocks.0.hook_resid_post",
            "",
            "in the order of their steps",
            new StoreManifest.Model("toy", "abc", "def", "raw"),
            Map.of("context_size", 128, "prepend_bos", true),
            Map.of());

    private Runs() {}

    static TrainConfig config(Method a) {
        TrainConfig demo = TrainPreset.DEMO.config(a, 64);
        return demo.with(Map.of(
                "steps",
                120,
                "batch",
                100,
                "k",
                a.choosesK() ? 4 : 0,
                "l0_target",
                a.choosesK() ? 0 : 4,
                "learning_rate",
                3e-3));
    }

    static TrainRequest request(Path saes, TrainConfig config, Long... seeds) {
        return new TrainRequest("tiny", saes, saes, "", config, List.of(seeds));
    }

    static SeedRun run(TrainConfig config, long seed, Path checkpoint, double checkpointSeconds) {
        BatchSource data = new PlantedSource(20, config.dataSeed());
        return new SeedRun(SaeEngine.best(), config, seed, data, data, checkpoint, checkpointSeconds);
    }

    static TrainResult train(TrainRequest request, long seed, Progress progress) {
        BatchSource data = new PlantedSource(20, request.config().dataSeed());
        return TrainJob.one(request, seed, data, data, ORIGIN, progress, 1e9);
    }

    /** What a run with a planted source is, for its checkpoint. */
    static Checkpoint.Identity identity(TrainConfig config, long seed) {
        return new Checkpoint.Identity(config, seed, new PlantedSource(20, config.dataSeed()).fingerprint());
    }

    /** Keeps what is told. */
    static Progress listening(List<String> said) {
        return new Progress() {
            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long d) {}

            @Override
            public void message(String text) {
                said.add(text);
            }
        };
    }

    /** Asks to stop after so many steps. */
    static Progress stoppingAfter(long steps) {
        return new Progress() {
            private long done;

            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long d) {
                done = d;
            }

            @Override
            public boolean cancelled() {
                return done >= steps;
            }
        };
    }
}
