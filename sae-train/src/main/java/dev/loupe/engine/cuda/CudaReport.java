package dev.loupe.engine.cuda;

import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What this machine has for training on a GPU, for people.
 *
 * @param name what was looked at
 * @param value what was found, or what is missing and how to get it
 * @param there whether it is there
 */
public record CudaReport(String name, String value, boolean there) {

    /** Looks for the driver with its cards and for the libraries; opens no card and compiles nothing. */
    public static List<CudaReport> of(Map<String, String> environment) {
        List<CudaReport> lines = new ArrayList<>();
        int major = 0;
        CudaLibraries libraries = CudaLibraries.find(environment, 0);
        try {
            CudaDriver driver = new CudaDriver(new NativeLibrary(libraries.driver()));
            int version = driver.version();
            major = version / 1000;
            List<String> cards = new ArrayList<>();
            for (int i = 0; i < driver.count(); i++) {
                cards.add("cuda:" + i + " " + driver.name(driver.device(i)));
            }
            lines.add(new CudaReport(
                    "GPU",
                    (cards.isEmpty() ? "none" : String.join(", ", cards)) + "; driver for CUDA up to " + major + "."
                            + version % 1000 / 10,
                    !cards.isEmpty()));
        } catch (LoupeException e) {
            lines.add(new CudaReport("GPU", "none: no driver of NVIDIA's (libcuda.so.1)", false));
        }
        libraries = CudaLibraries.find(environment, major);
        lines.add(library("GPU compiler", libraries.nvrtc(), "NVRTC", "nvidia-cuda-nvrtc"));
        lines.add(library("GPU products", libraries.cublasLt(), "cuBLASLt", "nvidia-cublas"));
        return lines;
    }

    private static CudaReport library(String name, @Nullable Path path, String library, String wheel) {
        if (path == null) {
            return new CudaReport(name, "no " + library + ": pip install " + wheel + ", or the CUDA toolkit", false);
        }
        String version = "";
        if (library.equals("NVRTC")) {
            try {
                version = " " + new Nvrtc(path).version();
            } catch (LoupeException e) {
                return new CudaReport(name, String.valueOf(e.getMessage()), false);
            }
        }
        return new CudaReport(name, library + version + " (" + path + ")", true);
    }
}
