package dev.loupe.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Libraries are found where people have them, and what is missing is said with its cure. */
class CudaLibrariesTest {
    @TempDir
    Path root;

    private Path file(String path) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        return Files.createFile(file);
    }

    @Test
    void theWheelsOfTheActivePythonEnvironmentAreFoundInBothOfTheirLayouts() throws IOException {
        Path thirteen = file("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13");
        file("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc-builtins.so.13.2");
        Path twelve = file("venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        Path product = file("venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12");
        Map<String, String> environment =
                Map.of("VIRTUAL_ENV", root.resolve("venv").toString());
        assertThat(CudaLibraries.find(environment, 13).cublasLt()).isEqualTo(product);
        assertThat(CudaLibraries.find(environment, 12).nvrtc()).isEqualTo(twelve); // the driver knows no 13
        Files.delete(twelve);
        assertThat(CudaLibraries.find(environment, 13).nvrtc()).isEqualTo(thirteen);
        assertThat(CudaLibraries.find(environment, 12).nvrtc())
                .isEqualTo(thirteen); // better than none; refused with a reason
    }

    @Test
    void aNamedFolderComesBeforeTheEnvironmentAndThatBeforeToolkits() throws IOException {
        Path toolkit = file("usr/local/cuda-13.1/lib64/libnvrtc.so.13");
        file("usr/local/cuda-12.6/lib64/libnvrtc.so.12");
        List<Path> folders = CudaLibraries.folders(Map.of(), root);
        assertThat(folders).containsSubsequence(toolkit.getParent(), root.resolve("usr/local/cuda-12.6/lib64"));
        Path conda = Files.createDirectories(root.resolve("conda/lib"));
        Path named = Files.createDirectories(root.resolve("named/lib64"));
        assertThat(CudaLibraries.folders(
                        Map.of(
                                "CONDA_PREFIX",
                                root.resolve("conda").toString(),
                                "LOUPE_CUDA_PATH",
                                root.resolve("named").toString()),
                        root))
                .containsSubsequence(named, conda, toolkit.getParent());
    }

    @Test
    void whatIsMissingIsNamedWithItsCure() {
        CudaLibraries none = new CudaLibraries("libcuda.so.1", null, null);
        assertThatThrownBy(none::require)
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("NVRTC (libnvrtc.so) and cuBLASLt (libcublasLt.so)")
                .hasMessageContaining("pip install nvidia-cuda-nvrtc nvidia-cublas")
                .hasMessageContaining("--device cpu");
        assertThatThrownBy(() -> CudaDevice.driver(new CudaLibraries(root + "/libcuda.so.1", null, null), 0))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no NVIDIA GPU")
                .hasMessageContaining("--device cpu");
    }

    @Test
    void aCardThatTheCompilerDoesNotKnowGetsTheNewestCodeBeforeIt() {
        int[] known = {80, 86, 90, 100};
        assertThat(CudaDevice.target(90, known)).isEqualTo("sm_90");
        assertThat(CudaDevice.target(89, known)).isEqualTo("compute_86");
        assertThat(CudaDevice.target(130, known)).isEqualTo("compute_100");
    }

    @Test
    void theHostLaysTheStepOutAsTheKernelsReadIt() {
        StepLayout layout = new StepLayout(KernelSource.read("step.cuh"));
        assertThat(layout.bytes()).isEqualTo(FakeCuda.stepBytes());
        assertThat(layout.field("enc").offset()).isZero();
        assertThat(layout.constant("SILENT")).isEqualTo(1 << 30);
        assertThat(layout.constant("TOTAL_VARIANCE")).isEqualTo(layout.constant("ROW_STATS"));
        assertThat(layout.constant("GATE")).isEqualTo(dev.loupe.engine.Selection.GATE.ordinal());
        assertThat(layout.constant("EPANECHNIKOV")).isEqualTo(dev.loupe.engine.ThresholdKernel.EPANECHNIKOV.ordinal());
    }
}
