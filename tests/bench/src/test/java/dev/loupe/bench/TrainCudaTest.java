package dev.loupe.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.engine.cuda.CudaFloors;
import dev.loupe.engine.cuda.CudaReport;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrainCudaTest {
    /** On a machine with a GPU the contract tests on it say more. */
    @Test
    void withoutAGpuOneSentenceSaysSo() {
        StringWriter said = new StringWriter();
        boolean there = CudaReport.of(System.getenv()).stream().allMatch(CudaReport::there);
        int code = TrainCudaMain.run(new PrintWriter(said, true), "--tiny", "--rounds", "1", "--warmups", "0");
        assertThat(code).isEqualTo(there ? 0 : 3);
        if (!there) {
            assertThat(said.toString().strip().lines().toList())
                    .singleElement()
                    .asString()
                    .startsWith("No GPU was found to measure on (GPU");
        }
    }

    @Test
    void wrongUseIsNoMeasurement() {
        assertThat(TrainCudaMain.run(new PrintWriter(new StringWriter()), "--no-such-option"))
                .isEqualTo(2);
    }

    /** 8,192 rows of width 768 to 16,384 latents are 0.206 tera-operations, and so on by hand. */
    @Test
    void floorsAreOperationsAndBytesOverRates() {
        CudaFloors card = new CudaFloors(700e12, 300e12, 50e12, 3e12);
        Map<String, Double> floors = StepsBench.Case.GPU_TOPK.floors().milliseconds(card);
        assertThat(floors.get("product ms")).isCloseTo(206.158 / 700, within(1e-3));
        double pairs = 8192.0 * 32;
        assertThat(floors.get("selection ms")).isCloseTo((8.0 * 8192 * 16384 + pairs * 3084) / 3e9, within(1e-6));
        assertThat(floors.get("adam ms")).isCloseTo((pairs * 6144 + 16384.0 * 768 * 50) / 3e9, within(1e-6));
        assertThat(floors).hasSize(5);
    }

    @Test
    void aLineNamesThePeerAndBothMemories() {
        BenchResult r = new BenchResult(
                "train-step-gpu-topk",
                "",
                "tokens/s",
                8e6,
                1e6,
                8.0,
                0.02,
                0.04,
                List.of(),
                List.of(),
                1,
                1.0,
                2,
                Map.of(StepsBench.GPU, 900.0, "peer's " + StepsBench.GPU, 4000.0));
        assertThat(TrainCudaMain.line(StepsBench.Case.GPU_TOPK, r))
                .isEqualTo(
                        "train-step-gpu-topk: ours 8.000e+06 tokens/s (2 %), 900 MB; sae_lens 1.000e+06 (4 %), 4000 MB;"
                                + " ratio 8.00");
    }
}
