package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.loupe.base.LoupeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/** NVIDIA's compiler at run time. It needs neither a card nor a driver. */
final class Nvrtc {
    private final Path path;
    private final MethodHandle version;
    private final MethodHandle create;
    private final MethodHandle destroy;
    private final MethodHandle compile;
    private final MethodHandle logSize;
    private final MethodHandle log;
    private final MethodHandle cubinSize;
    private final MethodHandle cubin;
    private final MethodHandle ptxSize;
    private final MethodHandle ptx;
    private final MethodHandle archCount;
    private final MethodHandle archs;

    /**
     * What became of a source.
     *
     * @param image machine code of one architecture, or PTX that the driver compiles
     * @param log what the compiler said, with {@code --ptxas-options=-v} the registers and the shared memory of kernels
     */
    record Compiled(byte[] image, String log) {}

    Nvrtc(Path path) {
        this.path = path;
        NativeLibrary l = new NativeLibrary(path.toString());
        version = l.function("nvrtcVersion", ADDRESS, ADDRESS);
        create = l.function("nvrtcCreateProgram", ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
        destroy = l.function("nvrtcDestroyProgram", ADDRESS);
        compile = l.function("nvrtcCompileProgram", JAVA_LONG, JAVA_INT, ADDRESS);
        logSize = l.function("nvrtcGetProgramLogSize", JAVA_LONG, ADDRESS);
        log = l.function("nvrtcGetProgramLog", JAVA_LONG, ADDRESS);
        cubinSize = l.function("nvrtcGetCUBINSize", JAVA_LONG, ADDRESS);
        cubin = l.function("nvrtcGetCUBIN", JAVA_LONG, ADDRESS);
        ptxSize = l.function("nvrtcGetPTXSize", JAVA_LONG, ADDRESS);
        ptx = l.function("nvrtcGetPTX", JAVA_LONG, ADDRESS);
        archCount = l.function("nvrtcGetNumSupportedArchs", ADDRESS);
        archs = l.function("nvrtcGetSupportedArchs", ADDRESS);
        String v = version();
        if (Double.parseDouble(v) < 12.4) {
            throw new LoupeException("The library " + path + " is of CUDA " + v + ", and Loupe needs "
                    + CudaLibraries.RANGE + ": type pip install nvidia-cuda-nvrtc nvidia-cublas.");
        }
    }

    private void check(String what, NativeLibrary.Call call) {
        int code = NativeLibrary.status(call);
        if (code != 0) {
            throw new LoupeException("NVRTC (" + path + ") failed in " + what + " with error " + code
                    + ": reinstall it (pip install nvidia-cuda-nvrtc).");
        }
    }

    /** Its CUDA version, as 13.2. */
    String version() {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocate(JAVA_INT, 2);
            check("nvrtcVersion", () -> (int) version.invokeExact(at, at.asSlice(4)));
            return at.get(JAVA_INT, 0) + "." + at.get(JAVA_INT, 4);
        }
    }

    /** The architectures that it compiles for, as 90 for sm_90, ascending. */
    int[] architectures() {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment count = a.allocate(JAVA_INT);
            check("nvrtcGetNumSupportedArchs", () -> (int) archCount.invokeExact(count));
            MemorySegment all = a.allocate(JAVA_INT, Math.max(1, count.get(JAVA_INT, 0)));
            check("nvrtcGetSupportedArchs", () -> (int) archs.invokeExact(all));
            return all.toArray(JAVA_INT);
        }
    }

    /**
     * Compiles a source.
     *
     * @param architecture {@code sm_90} for machine code, {@code compute_90} for PTX
     */
    Compiled compile(String name, String source, String architecture) {
        List<String> options = List.of(
                "--gpu-architecture=" + architecture, "--std=c++17", "--diag-suppress=177", "--ptxas-options=-v");
        try (Arena a = Arena.ofConfined()) {
            MemorySegment program = a.allocate(ADDRESS);
            MemorySegment text = a.allocateFrom(source);
            MemorySegment title = a.allocateFrom(name);
            MemorySegment none = MemorySegment.NULL;
            check("nvrtcCreateProgram", () -> (int) create.invokeExact(program, text, title, 0, none, none));
            try {
                long handle = program.get(JAVA_LONG, 0);
                MemorySegment list = a.allocate(ADDRESS, options.size());
                for (int i = 0; i < options.size(); i++) {
                    list.setAtIndex(ADDRESS, i, a.allocateFrom(options.get(i)));
                }
                int code = NativeLibrary.status(() -> (int) compile.invokeExact(handle, options.size(), list));
                String said = new String(bytes(a, logSize, log, handle), java.nio.charset.StandardCharsets.UTF_8);
                if (code != 0) {
                    throw new LoupeException("NVRTC " + version() + " cannot compile " + name + " for " + architecture
                            + ": " + said.lines().findFirst().orElse("error " + code));
                }
                boolean machine = architecture.startsWith("sm_");
                byte[] image = bytes(a, machine ? cubinSize : ptxSize, machine ? cubin : ptx, handle);
                return new Compiled(image, said);
            } finally {
                check("nvrtcDestroyProgram", () -> (int) destroy.invokeExact(program));
            }
        }
    }

    private byte[] bytes(Arena a, MethodHandle size, MethodHandle get, long program) {
        MemorySegment length = a.allocate(JAVA_LONG);
        check("asking for a size", () -> (int) size.invokeExact(program, length));
        MemorySegment to = a.allocate(Math.max(1, length.get(JAVA_LONG, 0)));
        check("asking for the result", () -> (int) get.invokeExact(program, to));
        return to.asSlice(0, length.get(JAVA_LONG, 0)).toArray(JAVA_BYTE);
    }
}
