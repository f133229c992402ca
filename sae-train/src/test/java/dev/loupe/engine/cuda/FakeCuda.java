package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.loupe.engine.Precision;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * A card made of paper: the kernels' own source compiled for the processor, behind a library with the entry points of the
 * driver, NVRTC and cuBLASLt. Everything of the engine runs unchanged on it; what it cannot show is how a GPU behaves.
 */
public final class FakeCuda {
    private static final int CACHE_BYTES = 38;
    private static final int SHARED_BYTES = 97;

    private static @Nullable Path library;

    private FakeCuda() {}

    /** The library, compiled once; skips the test where there is no C++ compiler. */
    public static synchronized Path library() {
        Path known = library;
        if (known == null) {
            String compiler = compiler();
            if (compiler == null) {
                String message =
                        "SKIPPED: no C++ compiler (g++, clang++ or c++) on the PATH, so the CUDA kernels were not run";
                System.err.println(message);
                Assumptions.abort(message);
            }
            known = build(Objects.requireNonNull(compiler));
            library = known;
        }
        return known;
    }

    private static @Nullable String compiler() {
        for (String name : List.of("g++", "clang++", "c++")) {
            for (String folder : System.getenv().getOrDefault("PATH", "").split(":")) {
                if (Files.isExecutable(Path.of(folder, name))) {
                    return name;
                }
            }
        }
        return null;
    }

    private static Path build(String compiler) {
        try {
            Path folder = Files.createDirectories(Path.of("target", "fakecuda"));
            StringBuilder sources = new StringBuilder();
            StringBuilder kernels = new StringBuilder();
            for (String header : KernelSource.HEADERS) {
                Files.writeString(folder.resolve(header), KernelSource.read(header));
            }
            for (KernelSource s : KernelSource.all()) {
                Files.writeString(folder.resolve(s.file()), KernelSource.read(s.file()));
                sources.append("#include \"").append(s.file()).append("\"\n");
                s.kernels().forEach(k -> kernels.append("{\"" + k + "\", bound<" + k + ">},\n"));
            }
            Files.writeString(folder.resolve("sources.inc"), sources);
            Files.writeString(folder.resolve("kernels.inc"), kernels);
            for (String own : List.of("shim.hpp", "driver.cpp", "cublaslt.inc")) {
                try (InputStream in = Objects.requireNonNull(FakeCuda.class.getResourceAsStream(own))) {
                    Files.copy(in, folder.resolve(own), StandardCopyOption.REPLACE_EXISTING);
                }
            }
            Path to = folder.resolve("libloupe-fakecuda.so").toAbsolutePath();
            Path log = folder.resolve("compiler.log");
            Process p = new ProcessBuilder(
                            compiler, "-std=c++17", "-O2", "-fPIC", "-shared", "-w", "-o", to.toString(), "driver.cpp")
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            boolean ended = p.waitFor(20, TimeUnit.MINUTES);
            p.destroyForcibly();
            if (!ended || p.exitValue() != 0) {
                throw new AssertionError("the kernels do not compile as C++:\n" + Files.readString(log));
            }
            return to;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** A card with a small cache, so that small batches have several tiles. */
    static CudaDevice device() {
        return device(227 << 10);
    }

    private static CudaDevice device(int sharedBytes) {
        String path = library().toString();
        seed(0);
        memory(1L << 34);
        attribute(CACHE_BYTES, 16 << 10);
        attribute(SHARED_BYTES, sharedBytes);
        try {
            Path cache = Files.createDirectories(Path.of("target", "fakecuda", "cache"));
            return new CudaDevice(
                    0,
                    new CudaDriver(new NativeLibrary(path)),
                    new CudaLibraries(path, Path.of(path), Path.of(path)),
                    new CubinCache(cache));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An engine on it. */
    public static CudaEngine engine(Precision precision, int threads) {
        return new CudaEngine(device(), precision, threads);
    }

    /** The same with dense products from one active latent in so many on; 0 for never. */
    public static CudaEngine engineWithDenseProducts(Precision precision, int threads, int sparse) {
        return new CudaEngine(device(), precision, threads, sparse);
    }

    /** Lets {@code cuda:index} be a card of paper in this process. */
    public static void install(int index) {
        CudaDevice.open(index, device());
    }

    /** The same on a card whose blocks may have so much shared memory. */
    public static CudaEngine engineWithSharedBytes(Precision precision, int threads, int bytes) {
        return new CudaEngine(device(bytes), precision, threads);
    }

    /** In what order threads and blocks run from now on; 0 for their own. */
    public static void seed(long seed) {
        call("loupe_fake_seed", seed);
    }

    /** How much memory the card has. */
    public static void memory(long bytes) {
        call("loupe_fake_memory", bytes);
    }

    /** Blocks of memory beyond whose ends something was written, among those freed. */
    public static long damaged() {
        return ask("loupe_fake_damaged");
    }

    /** Kernels that were started so far. */
    public static long launches() {
        return ask("loupe_fake_launches");
    }

    /** How often a kernel was started so far. */
    public static long launched(String kernel) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) function("loupe_fake_launched", FunctionDescriptor.of(JAVA_LONG, ADDRESS))
                    .invoke(arena.allocateFrom(kernel));
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** The size that C++ gives a step's parameters. */
    static int stepBytes() {
        return (int) ask("loupe_fake_step_size");
    }

    /** Bytes that are held. */
    public static long used() {
        return ask("loupe_fake_used");
    }

    private static void attribute(int which, int value) {
        try {
            function("loupe_fake_attribute", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT))
                    .invoke(which, value);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void call(String name, long value) {
        try {
            function(name, FunctionDescriptor.ofVoid(JAVA_LONG)).invoke(value);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long ask(String name, MemoryLayout... none) {
        try {
            return (long) function(name, FunctionDescriptor.of(JAVA_LONG, none)).invoke();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static MethodHandle function(String name, FunctionDescriptor type) {
        MemorySegment at =
                SymbolLookup.libraryLookup(library(), Arena.global()).find(name).orElseThrow();
        return Linker.nativeLinker().downcallHandle(at, type);
    }
}
