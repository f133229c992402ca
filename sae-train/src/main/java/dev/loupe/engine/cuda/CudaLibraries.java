package dev.loupe.engine.cuda;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The libraries that work on a GPU needs, and where they lie on this machine: the driver, NVRTC (which compiles
 * kernels) and cuBLASLt (which multiplies matrices). Looked for, in this order, in {@code LOUPE_CUDA_PATH},
 * {@code CUDA_HOME} and {@code CUDA_PATH}, the {@code nvidia-*} packages of the active Python environment
 * ({@code VIRTUAL_ENV}, {@code CONDA_PREFIX}), and the places of CUDA toolkits.
 *
 * @param driver path, or the name that the system knows it by
 * @param nvrtc path; null where there is none
 * @param cublasLt path; null where there is none
 */
public record CudaLibraries(
        String driver, @Nullable Path nvrtc, @Nullable Path cublasLt) {
    /** What fits. */
    static final String RANGE = "12.4 to 13.x";

    private static final Pattern VERSION = Pattern.compile("\\.so(?:\\.(\\d+))?(?:\\.\\d+)*");

    /**
     * Looks for them.
     *
     * @param environment of the process
     * @param major the newest CUDA that the driver knows, 0 if that is not known: libraries of a newer one are passed over
     *     where there are others
     */
    public static CudaLibraries find(Map<String, String> environment, int major) {
        List<Path> folders = folders(environment, Path.of("/"));
        return new CudaLibraries(
                named(environment)
                        .map(p -> p.resolve("libcuda.so.1"))
                        .filter(Files::exists)
                        .map(Path::toString)
                        .orElse("libcuda.so.1"),
                newest(folders, "libnvrtc", major),
                newest(folders, "libcublasLt", major));
    }

    private static Optional<Path> named(Map<String, String> environment) {
        String path = environment.getOrDefault("LOUPE_CUDA_PATH", "");
        return path.isBlank() ? Optional.empty() : Optional.of(Path.of(path.split(":")[0]));
    }

    /** Where to look, in order. */
    static List<Path> folders(Map<String, String> environment, Path root) {
        Set<Path> folders = new LinkedHashSet<>();
        for (String name : List.of("LOUPE_CUDA_PATH", "CUDA_HOME", "CUDA_PATH")) {
            for (String part : environment.getOrDefault(name, "").split(":")) {
                if (!part.isBlank()) {
                    toolkit(Path.of(part), folders);
                    wheels(Path.of(part), folders);
                }
            }
        }
        for (String name : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
            String prefix = environment.getOrDefault(name, "");
            if (!prefix.isBlank()) {
                children(Path.of(prefix, "lib"), "python3*")
                        .forEach(p -> wheels(p.resolve("site-packages").resolve("nvidia"), folders));
                folders.add(Path.of(prefix, "lib"));
                folders.add(Path.of(prefix, "targets", "x86_64-linux", "lib"));
            }
        }
        toolkit(root.resolve("usr/local/cuda"), folders);
        children(root.resolve("usr/local"), "cuda-*").forEach(p -> toolkit(p, folders));
        toolkit(root.resolve("opt/cuda"), folders);
        for (String system : List.of("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64")) {
            folders.add(root.resolve(system));
        }
        return folders.stream().filter(Files::isDirectory).toList();
    }

    private static void toolkit(Path folder, Set<Path> to) {
        to.add(folder);
        to.add(folder.resolve("lib64"));
        to.add(folder.resolve("lib"));
        to.add(folder.resolve("targets/x86_64-linux/lib"));
        to.add(folder.resolve("targets/sbsa-linux/lib"));
    }

    /** The folders of NVIDIA's Python packages: {@code cu13/lib}, or one for each library. */
    private static void wheels(Path nvidia, Set<Path> to) {
        children(nvidia, "cu*").forEach(p -> to.add(p.resolve("lib")));
    }

    /** Folders of a name, the last in the alphabet first: newer versions come before older ones. */
    private static List<Path> children(Path folder, String glob) {
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, glob)) {
                all.forEach(found::add);
            } catch (IOException e) {
                return List.of(); // not to be read: nothing there for us
            }
        }
        found.sort(Comparator.reverseOrder());
        return found;
    }

    /** In the first folder that has any, the newest that fits the driver, else the newest. */
    private static @Nullable Path newest(List<Path> folders, String library, int major) {
        Path other = null;
        for (Path folder : folders) {
            List<Path> here = new ArrayList<>(children(folder, library + ".so*"));
            here.sort(Comparator.comparingInt(CudaLibraries::major).reversed());
            for (Path p : here) {
                if (major == 0 || major(p) <= major) {
                    return p;
                }
                other = other == null ? p : other;
            }
        }
        return other;
    }

    /** The CUDA version in the name of a library; 0 for none. */
    static int major(Path library) {
        Matcher m = VERSION.matcher(library.getFileName().toString());
        return m.find() && m.group(1) != null ? Integer.parseInt(m.group(1)) : 0;
    }

    /**
     * Fails in a sentence where one of the libraries beside the driver is missing.
     *
     * @throws LoupeException that says how to get it
     */
    void require() {
        if (nvrtc == null || cublasLt == null) {
            throw new LoupeException("Working on a GPU needs " + missing() + ", which this machine lacks: type "
                    + "pip install nvidia-cuda-nvrtc nvidia-cublas in the Python environment that is active, or install"
                    + " the CUDA toolkit (" + RANGE
                    + "), or let LOUPE_CUDA_PATH name the folder that has them; or go on"
                    + " with --device cpu.");
        }
    }

    /** What was not found; empty where all is there. */
    public String missing() {
        List<String> names = new ArrayList<>();
        if (nvrtc == null) {
            names.add("NVRTC (libnvrtc.so)");
        }
        if (cublasLt == null) {
            names.add("cuBLASLt (libcublasLt.so)");
        }
        return String.join(" and ", names);
    }
}
