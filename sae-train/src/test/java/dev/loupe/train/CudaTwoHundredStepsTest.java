package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.engine.Precision;
import dev.loupe.engine.SaeEngine;
import dev.loupe.engine.TrainState;
import dev.loupe.engine.cuda.CudaEngine;
import dev.loupe.engine.cuda.RealCard;
import dev.loupe.fixtures.Floats;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** 200 steps of every method on the processor and on the GPU of this machine, with both curves in a file. */
class CudaTwoHundredStepsTest {
    @BeforeAll
    static void find() {
        RealCard.require("no training was run");
    }

    @ParameterizedTest
    @EnumSource(Method.class)
    void aTrainingEndsWhereTheProcessorsDoes(Method method) throws Exception {
        TrainConfig config = Runs.config(method).with(Map.of("steps", 200, "batch", 500, "d_sae", 96));
        List<Double> cpu = new ArrayList<>();
        List<Double> gpu = new ArrayList<>();
        TrainState reference = CudaTrainingTest.train(SaeEngine.best(), config, cpu);
        TrainState end = CudaTrainingTest.train(new CudaEngine(0, Precision.FP32), config, gpu);
        StringBuilder curves = new StringBuilder();
        for (int i = 0; i < cpu.size(); i++) {
            curves.append(method + "\t" + i + "\t" + cpu.get(i) + "\t" + gpu.get(i) + "\n");
        }
        Files.writeString(
                Path.of("target", "two-hundred-steps.tsv"),
                curves,
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        for (int i = 0; i < cpu.size(); i++) {
            assertThat(gpu.get(i)).isCloseTo(cpu.get(i), within(0.01 * cpu.get(i) + 1e-4));
        }
        Floats.assertClose(CudaTrainingTest.values(end), CudaTrainingTest.values(reference), 0.02);
    }
}
