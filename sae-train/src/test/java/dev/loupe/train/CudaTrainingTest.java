package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.TrainState;
import dev.loupe.engine.cuda.CudaMemory;
import dev.loupe.engine.cuda.FakeCuda;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole trainings on a GPU made of paper. */
class CudaTrainingTest {
    private static final int CARD = 7;
    private static final CudaMemory SMALL = new CudaMemory("cuda:0 (small)", 8L << 30, 10L << 30);

    @TempDir
    Path dir;

    @AfterEach
    void onTheProcessorAgain() {
        TrainDevice.use(-1);
    }

    static TrainState train(SaeEngine engine, TrainConfig config, List<Double> losses) {
        BatchSource data = new PlantedSource(12, config.dataSeed());
        Progress listening = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long d) {}

            @Override
            public void metric(String name, long step, double value) {
                if (name.endsWith("fvu")) {
                    losses.add(value);
                }
            }
        };
        try (SeedRun run = new SeedRun(engine, config, 1, data, data, Path.of("none"), 1e9)) {
            return run.run(listening, "");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Method.class,
            names = {"TOPK", "BATCHTOPK", "JUMPRELU"})
    void twoHundredStepsEndWhereTheProcessorsDo(Method method) {
        TrainConfig config = Runs.config(method).with(Map.of("steps", 200, "batch", 16, "d_sae", 24));
        List<Double> cpu = new ArrayList<>();
        List<Double> gpu = new ArrayList<>();
        TrainState reference = train(SaeEngine.best(), config, cpu);
        TrainState end = train(FakeCuda.engine(Precision.FP32, 32), config, gpu);
        assertThat(gpu).hasSameSizeAs(cpu).isNotEmpty();
        for (int i = 0; i < cpu.size(); i++) {
            assertThat(gpu.get(i)).isCloseTo(cpu.get(i), within(0.01 * cpu.get(i) + 1e-4));
        }
        Floats.assertClose(values(end), values(reference), 0.02);
    }

    static float[] values(TrainState s) {
        return s.parameters().decoderRows().segment().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    @Test
    void aTrainingOnTheCardGoesOnFromACheckpointOfTheProcessor() {
        FakeCuda.install(CARD);
        TrainConfig config = Runs.config(Method.TOPK).with(Map.of("steps", 6, "batch", 10, "d_sae", 16));
        Path checkpoint = dir.resolve("checkpoint");
        try (SeedRun half = Runs.run(config, 3, checkpoint, 1e9)) {
            half.open(Progress.silent());
            BatchSource data = new PlantedSource(20, config.dataSeed());
            try (SharedStream stream = new SharedStream(data, data, List.of(half), 0)) {
                assertThatThrownBy(() -> stream.run(Runs.stoppingAfter(3), List.of(""), r -> {}))
                        .isInstanceOf(dev.loupe.base.CancelledException.class);
            }
        }
        TrainDevice.use(CARD);
        List<String> said = new ArrayList<>();
        BatchSource data = new PlantedSource(20, config.dataSeed());
        try (SeedRun rest = new SeedRun(config.engine(), config, 3, data, data, checkpoint, 1e9)) {
            TrainState end = rest.run(Runs.listening(said), "");
            assertThat(end.step()).isEqualTo(6);
        }
        assertThat(String.join(" ", said)).contains("Going on from step 3", "CUDA on Paper GPU");
    }

    /** Each batch is brought to the card once, made while the steps on the one before it run. */
    @Test
    void severalSaesOnTheCardShareTheirBatchesAndEndWithTheBitsThatTheyWouldHaveAlone() {
        SaeEngine engine = FakeCuda.engine(Precision.FP32, 32);
        TrainConfig config = Runs.config(Method.TOPK).with(Map.of("steps", 12, "batch", 10, "d_sae", 16));
        List<TrainConfig> configs = List.of(config, config.with(Map.of("input_scale", "none", "steps", 7)));
        BatchSource data = new PlantedSource(12, config.dataSeed());
        List<TrainState> together = new ArrayList<>();
        List<SeedRun> runs = configs.stream()
                .map(c -> new SeedRun(engine, c, 1, data, data, dir.resolve("none"), 1e9))
                .toList();
        try (SharedStream stream = new SharedStream(data, data, runs, 1e9)) {
            runs.forEach(r -> r.open(Progress.silent()));
            stream.run(Progress.silent(), List.of("", ""), r -> together.add(r.snapshot()));
            runs.forEach(SeedRun::close);
        }
        assertThat(FakeCuda.used()).isZero();
        for (TrainState end : together) {
            TrainConfig c = configs.get(end.step() == 12 ? 0 : 1);
            try (SeedRun alone = new SeedRun(engine, c, 1, data, data, dir.resolve("none"), 1e9)) {
                Floats.assertIdentical(values(end), values(alone.run(Progress.silent(), "")));
            }
        }
    }

    @Test
    void anSaeTrainedOnTheCardIsAFileLikeAnyOther() {
        FakeCuda.install(CARD);
        TrainDevice.use(CARD);
        TrainConfig config =
                Runs.config(Method.BATCHTOPK).with(Map.of("steps", 3, "batch", 10, "d_sae", 16, "precision", "bf16"));
        TrainResult result = Runs.train(Runs.request(dir, config, 3L), 3, Progress.silent());
        assertThat(Sae.open(result.folder()).dSae()).isEqualTo(16);
        assertThat(FakeCuda.used()).isZero();
    }

    @Test
    void whatDoesNotFitOnTheCardSaysWhatToLowerBeforeAnythingIsAllocated() {
        TrainConfig fits = TrainPreset.DEMO.config(Method.TOPK, 16_384);
        MemoryNeed.check(List.of(fits), 768, SMALL);
        assertThatThrownBy(() -> MemoryNeed.check(List.of(fits.with("d_sae", 262_144)), 2304, SMALL))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("d_sae 262144", "cuda:0 (small)", "8.0 GiB left", "smaller d_sae or batch");
        assertThatThrownBy(() -> MemoryNeed.check(java.util.Collections.nCopies(40, fits), 768, SMALL))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("40 SAEs together", "fewer of them");
    }

    /** The plan must not be below what a session really takes, nor far above. */
    @Test
    void thePlanOfMemoryIsNearWhatASessionTakes() {
        FakeCuda.install(CARD);
        TrainDevice.use(CARD);
        TrainConfig config = Runs.config(Method.TOPK).with(Map.of("steps", 1, "batch", 200, "d_sae", 2000, "k", 4));
        BatchSource data = new PlantedSource(20, config.dataSeed());
        try (SeedRun run = new SeedRun(config.engine(), config, 3, data, data, dir.resolve("c"), 1e9)) {
            run.open(Progress.silent());
            Matrix batch = Matrix.copyOf(new float[200][20]);
            data.batch(0, batch);
            run.step(batch, batch, Progress.silent(), "");
            assertThat(FakeCuda.used()).isBetween(MemoryNeed.gpuBytes(config, 20) / 3, MemoryNeed.gpuBytes(config, 20));
        }
    }
}
