package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One card with everything that runs on it: driver, compiled kernels and products. Lives as long as the process. */
final class CudaDevice {
    private static final Map<Integer, CudaDevice> OPEN = new HashMap<>();

    private final int index;
    private final CudaDriver driver;
    private final MemorySegment context;
    private final CublasLt products;
    private final StepLayout layout;
    private final Map<String, Long> kernels = new HashMap<>();
    private final Map<String, Integer> allowed = new HashMap<>();
    private final String name;
    private final String described;
    private final SharedRows shared = new SharedRows(this);
    private final int multiprocessors;
    private final int sharedBytes;
    private final long cacheBytes;
    private long held;
    private long peak;

    /** The card of a number, opened on first use. */
    static synchronized CudaDevice open(int index) {
        return OPEN.computeIfAbsent(index, i -> {
            Map<String, String> environment = System.getenv();
            CudaLibraries libraries = CudaLibraries.find(environment, 0);
            CudaDriver driver = driver(libraries, i);
            return new CudaDevice(
                    i,
                    driver,
                    CudaLibraries.find(environment, driver.version() / 1000),
                    CubinCache.ofUser(environment));
        });
    }

    /** Lets a number stand for a card that was opened already. */
    static synchronized void open(int index, CudaDevice device) {
        OPEN.put(index, device);
    }

    /** The driver, if it shows a card of this number. */
    static CudaDriver driver(CudaLibraries libraries, int index) {
        CudaDriver driver;
        try {
            driver = new CudaDriver(new NativeLibrary(libraries.driver()));
        } catch (LoupeException e) {
            throw new UsageException("The GPU cuda:" + index + " was asked for, and this machine shows no NVIDIA GPU ("
                    + e.getMessage() + "): install its driver, or go on with --device cpu.");
        }
        int count = driver.count();
        if (index >= count) {
            throw new UsageException("The GPU cuda:" + index + " was asked for, and the driver shows "
                    + (count == 0
                            ? "no GPU"
                            : count == 1 ? "one GPU, cuda:0" : "the GPUs cuda:0 to cuda:" + (count - 1))
                    + ".");
        }
        return driver;
    }

    CudaDevice(int index, CudaDriver driver, CudaLibraries libraries, CubinCache cache) {
        this.index = index;
        this.driver = driver;
        libraries.require();
        Nvrtc compiler = new Nvrtc(Objects.requireNonNull(libraries.nvrtc()));
        int newest = driver.version() / 1000;
        if (Integer.parseInt(compiler.version().split("\\.")[0]) > newest) {
            throw new LoupeException("The GPU's driver knows CUDA " + newest + ", and the only NVRTC found ("
                    + libraries.nvrtc() + ") is of CUDA " + compiler.version() + ": update the driver, or type"
                    + " pip install nvidia-cuda-nvrtc-cu12 nvidia-cublas-cu12.");
        }
        int device = driver.device(index);
        context = driver.context(device);
        driver.use(context);
        name = driver.name(device);
        multiprocessors = driver.attribute(CudaDriver.MULTIPROCESSORS, device);
        sharedBytes = driver.attribute(CudaDriver.SHARED_BYTES, device);
        cacheBytes = driver.attribute(CudaDriver.L2_BYTES, device);
        int architecture = 10 * driver.attribute(CudaDriver.MAJOR, device) + driver.attribute(CudaDriver.MINOR, device);
        if (architecture < 80) {
            throw new LoupeException("The GPU " + name + " is of compute capability " + architecture / 10 + "."
                    + architecture % 10 + ", and training needs 8.0 (Ampere) or later: train with --device cpu.");
        }
        String target = target(architecture, compiler.architectures());
        for (KernelSource source : KernelSource.all()) {
            long module = driver.load(cache.get(source, target, compiler));
            source.kernels().forEach(k -> kernels.put(k, driver.function(module, k)));
        }
        layout = new StepLayout(KernelSource.read("step.cuh"));
        products = new CublasLt(Objects.requireNonNull(libraries.cublasLt()));
        described = name + ", sm_" + architecture + ", CUDA " + compiler.version();
    }

    /** Machine code where the compiler knows the card, else PTX for the newest card before it, which the driver compiles. */
    static String target(int architecture, int[] known) {
        if (Arrays.stream(known).anyMatch(k -> k == architecture)) {
            return "sm_" + architecture;
        }
        int before = Arrays.stream(known).filter(k -> k < architecture).max().orElse(architecture);
        return "compute_" + before;
    }

    int index() {
        return index;
    }

    String describe() {
        return described;
    }

    CudaDriver driver() {
        return driver;
    }

    CublasLt products() {
        return products;
    }

    /** Batches that all sessions see. */
    SharedRows shared() {
        return shared;
    }

    StepLayout layout() {
        return layout;
    }

    int multiprocessors() {
        return multiprocessors;
    }

    /** The most dynamic shared memory of a block. */
    int sharedBytes() {
        return sharedBytes;
    }

    long cacheBytes() {
        return cacheBytes;
    }

    /** Makes this the card of the current thread. */
    void use() {
        driver.use(context);
    }

    /** Lets a kernel use so much dynamic shared memory; what another session asked for stays. */
    synchronized void allowShared(String kernel, int bytes) {
        if (bytes > allowed.getOrDefault(kernel, 0)) {
            driver.allowShared(kernel(kernel), bytes);
            allowed.put(kernel, bytes);
        }
    }

    private long kernel(String kernel) {
        Long k = kernels.get(kernel);
        if (k == null) {
            throw new IllegalStateException("there is no kernel " + kernel);
        }
        return k;
    }

    /** Bytes on the card, or a sentence that says what to lower. */
    long allocate(String what, long bytes) {
        try {
            long address = driver.allocate(bytes);
            count(bytes);
            return address;
        } catch (CudaDriver.Failure e) {
            if (!e.outOfMemory()) {
                throw e;
            }
            long[] memory = driver.memory();
            throw new LoupeException(
                    "The GPU cuda:" + index + " (" + name + ", " + Fmt.bytes(memory[1]) + ") has "
                            + Fmt.bytes(memory[0]) + " left, and " + what + " need " + Fmt.bytes(bytes)
                            + ": lower d_sae or batch, train fewer SAEs at a time, or stop what else uses it"
                            + " (nvidia-smi).",
                    e);
        }
    }

    /** Gives bytes back that {@link #allocate} gave. */
    void free(long address, long bytes) {
        driver.free(address);
        count(-bytes);
    }

    private synchronized void count(long bytes) {
        held += bytes;
        peak = Math.max(peak, held);
    }

    /** The most bytes that this process held on the card since it was last asked. */
    synchronized long peak() {
        long most = peak;
        peak = held;
        return most;
    }

    /**
     * Starts a kernel.
     *
     * @param step its first parameter; null for kernels that know nothing of steps
     */
    void launch(
            String kernel,
            int gridX,
            int gridY,
            int block,
            int shared,
            long stream,
            @Nullable MemorySegment step,
            Object... more) {
        try (Arena arena = Arena.ofConfined()) {
            int before = step == null ? 0 : 1;
            MemorySegment list = arena.allocate(ADDRESS, before + more.length);
            if (step != null) {
                list.setAtIndex(ADDRESS, 0, step);
            }
            for (int i = 0; i < more.length; i++) {
                MemorySegment at = arena.allocate(JAVA_LONG);
                switch (more[i]) {
                    case Integer v -> at.set(java.lang.foreign.ValueLayout.JAVA_INT, 0, v);
                    case Long v -> at.set(JAVA_LONG, 0, v);
                    case Double v -> at.set(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 0, v);
                    default -> throw new IllegalArgumentException("a kernel takes no " + more[i]);
                }
                list.setAtIndex(ADDRESS, before + i, at);
            }
            driver.launch(kernel, kernel(kernel), gridX, gridY, block, shared, stream, list);
        }
    }
}
