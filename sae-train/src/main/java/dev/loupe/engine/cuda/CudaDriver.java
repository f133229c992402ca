package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.loupe.base.LoupeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The functions of the CUDA driver that Loupe uses. Addresses on the card, streams, events and functions are numbers. */
final class CudaDriver {
    /** Attributes of a card, by the numbers of {@code CUdevice_attribute}. */
    static final int MULTIPROCESSORS = 16;

    static final int L2_BYTES = 38;
    static final int MAJOR = 75;
    static final int MINOR = 76;
    static final int SHARED_BYTES = 97;

    private static final int OUT_OF_MEMORY = 2;
    private static final int DYNAMIC_SHARED = 8;
    private static final int NON_BLOCKING = 1;

    private final NativeLibrary library;
    private final MethodHandle init;
    private final MethodHandle version;
    private final MethodHandle count;
    private final MethodHandle get;
    private final MethodHandle name;
    private final MethodHandle attribute;
    private final MethodHandle retain;
    private final MethodHandle current;
    private final MethodHandle errorName;
    private final MethodHandle errorText;
    private final MethodHandle memory;
    private final MethodHandle allocate;
    private final MethodHandle free;
    private final MethodHandle allocateHost;
    private final MethodHandle freeHost;
    private final MethodHandle toDevice;
    private final MethodHandle toHost;
    private final MethodHandle within;
    private final MethodHandle fill;
    private final MethodHandle newStream;
    private final MethodHandle freeStream;
    private final MethodHandle sync;
    private final MethodHandle waitEvent;
    private final MethodHandle newEvent;
    private final MethodHandle freeEvent;
    private final MethodHandle record;
    private final MethodHandle syncEvent;
    private final MethodHandle load;
    private final MethodHandle function;
    private final MethodHandle setAttribute;
    private final MethodHandle launch;

    /** The failure of one call of the driver. */
    static final class Failure extends LoupeException {
        private static final long serialVersionUID = 1L;
        private final int code;

        Failure(String sentence, int code) {
            super(sentence);
            this.code = code;
        }

        boolean outOfMemory() {
            return code == OUT_OF_MEMORY;
        }
    }

    CudaDriver(NativeLibrary l) {
        library = l;
        init = l.function("cuInit", JAVA_INT);
        version = l.function("cuDriverGetVersion", ADDRESS);
        count = l.function("cuDeviceGetCount", ADDRESS);
        get = l.function("cuDeviceGet", ADDRESS, JAVA_INT);
        name = l.function("cuDeviceGetName", ADDRESS, JAVA_INT, JAVA_INT);
        attribute = l.function("cuDeviceGetAttribute", ADDRESS, JAVA_INT, JAVA_INT);
        retain = l.function("cuDevicePrimaryCtxRetain", ADDRESS, JAVA_INT);
        current = l.function("cuCtxSetCurrent", ADDRESS);
        errorName = l.function("cuGetErrorName", JAVA_INT, ADDRESS);
        errorText = l.function("cuGetErrorString", JAVA_INT, ADDRESS);
        memory = l.function("cuMemGetInfo_v2", ADDRESS, ADDRESS);
        allocate = l.function("cuMemAlloc_v2", ADDRESS, JAVA_LONG);
        free = l.function("cuMemFree_v2", JAVA_LONG);
        allocateHost = l.function("cuMemHostAlloc", ADDRESS, JAVA_LONG, JAVA_INT);
        freeHost = l.function("cuMemFreeHost", ADDRESS);
        toDevice = l.function("cuMemcpyHtoDAsync_v2", JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
        toHost = l.function("cuMemcpyDtoHAsync_v2", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        within = l.function("cuMemcpyDtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        fill = l.function("cuMemsetD8Async", JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);
        newStream = l.function("cuStreamCreate", ADDRESS, JAVA_INT);
        freeStream = l.function("cuStreamDestroy_v2", JAVA_LONG);
        sync = l.function("cuStreamSynchronize", JAVA_LONG);
        waitEvent = l.function("cuStreamWaitEvent", JAVA_LONG, JAVA_LONG, JAVA_INT);
        newEvent = l.function("cuEventCreate", ADDRESS, JAVA_INT);
        freeEvent = l.function("cuEventDestroy_v2", JAVA_LONG);
        record = l.function("cuEventRecord", JAVA_LONG, JAVA_LONG);
        syncEvent = l.function("cuEventSynchronize", JAVA_LONG);
        load = l.function("cuModuleLoadData", ADDRESS, ADDRESS);
        function = l.function("cuModuleGetFunction", ADDRESS, JAVA_LONG, ADDRESS);
        setAttribute = l.function("cuFuncSetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT);
        launch = l.function(
                "cuLaunchKernel",
                JAVA_LONG,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_LONG,
                ADDRESS,
                ADDRESS);
        check("cuInit", () -> (int) init.invokeExact(0));
    }

    private void check(String what, NativeLibrary.Call call) {
        int code = NativeLibrary.status(call);
        if (code != 0) {
            throw new Failure(
                    "The GPU's driver (" + library + ") failed in " + what + ": " + text(errorName, code) + ", "
                            + text(errorText, code) + "; see whether nvidia-smi works.",
                    code);
        }
    }

    private static String text(MethodHandle of, int code) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocate(ADDRESS);
            int failed = NativeLibrary.status(() -> (int) of.invokeExact(code, at));
            return failed != 0 ? "error " + code : NativeLibrary.text(at.get(ADDRESS, 0), "error " + code);
        }
    }

    private interface Fill {
        int into(MemorySegment at) throws Throwable;
    }

    private long number(String what, Fill call) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocate(JAVA_LONG);
            check(what, () -> call.into(at));
            return at.get(JAVA_LONG, 0);
        }
    }

    /** The newest CUDA that the driver knows: 1000 · major + 10 · minor. */
    int version() {
        return (int) number("cuDriverGetVersion", at -> (int) version.invokeExact(at));
    }

    int count() {
        return (int) number("cuDeviceGetCount", at -> (int) count.invokeExact(at));
    }

    int device(int index) {
        return (int) number("cuDeviceGet", at -> (int) get.invokeExact(at, index));
    }

    String name(int device) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocate(256);
            check("cuDeviceGetName", () -> (int) name.invokeExact(at, 255, device));
            return at.getString(0);
        }
    }

    int attribute(int which, int device) {
        return (int) number("cuDeviceGetAttribute", at -> (int) attribute.invokeExact(at, which, device));
    }

    /** The context of a card that all of the process share. */
    MemorySegment context(int device) {
        return MemorySegment.ofAddress(number("cuDevicePrimaryCtxRetain", at -> (int) retain.invokeExact(at, device)));
    }

    /** Makes it the context of this thread. */
    void use(MemorySegment context) {
        check("cuCtxSetCurrent", () -> (int) current.invokeExact(context));
    }

    /** Free and all bytes of the card of this thread. */
    long[] memory() {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocate(JAVA_LONG, 2);
            check("cuMemGetInfo", () -> (int) memory.invokeExact(at, at.asSlice(8)));
            return at.toArray(JAVA_LONG);
        }
    }

    long allocate(long bytes) {
        return number("cuMemAlloc", at -> (int) allocate.invokeExact(at, Math.max(1, bytes)));
    }

    void free(long address) {
        check("cuMemFree", () -> (int) free.invokeExact(address));
    }

    /** Memory of the host that the card reads and writes by itself. */
    MemorySegment allocateHost(long bytes) {
        long at = number("cuMemHostAlloc", a -> (int) allocateHost.invokeExact(a, Math.max(1, bytes), 0));
        return MemorySegment.ofAddress(at).reinterpret(bytes);
    }

    void freeHost(MemorySegment memory) {
        check("cuMemFreeHost", () -> (int) freeHost.invokeExact(memory));
    }

    void toDevice(long to, MemorySegment from, long bytes, long stream) {
        check("cuMemcpyHtoDAsync", () -> (int) toDevice.invokeExact(to, from, bytes, stream));
    }

    void toHost(MemorySegment to, long from, long bytes, long stream) {
        check("cuMemcpyDtoHAsync", () -> (int) toHost.invokeExact(to, from, bytes, stream));
    }

    void within(long to, long from, long bytes, long stream) {
        check("cuMemcpyDtoDAsync", () -> (int) within.invokeExact(to, from, bytes, stream));
    }

    void zero(long address, long bytes, long stream) {
        fill(address, (byte) 0, bytes, stream);
    }

    void fill(long address, byte value, long bytes, long stream) {
        check("cuMemsetD8Async", () -> (int) fill.invokeExact(address, value, bytes, stream));
    }

    /** A stream that does not wait for the default one, on which the tensor library of this process may run a model. */
    long newStream() {
        return number("cuStreamCreate", at -> (int) newStream.invokeExact(at, NON_BLOCKING));
    }

    void freeStream(long stream) {
        check("cuStreamDestroy", () -> (int) freeStream.invokeExact(stream));
    }

    void sync(long stream) {
        check("cuStreamSynchronize", () -> (int) sync.invokeExact(stream));
    }

    /** A mark in a stream; without times, which cost. */
    long newEvent() {
        return number("cuEventCreate", at -> (int) newEvent.invokeExact(at, 2));
    }

    void freeEvent(long event) {
        check("cuEventDestroy", () -> (int) freeEvent.invokeExact(event));
    }

    void record(long event, long stream) {
        check("cuEventRecord", () -> (int) record.invokeExact(event, stream));
    }

    /** Waits on the host for an event. */
    void syncEvent(long event) {
        check("cuEventSynchronize", () -> (int) syncEvent.invokeExact(event));
    }

    /** Lets a stream wait for an event. */
    void await(long stream, long event) {
        check("cuStreamWaitEvent", () -> (int) waitEvent.invokeExact(stream, event, 0));
    }

    long load(byte[] image) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocate(image.length, 64); // machine code is an ELF file, read in place
            MemorySegment.copy(image, 0, at, JAVA_BYTE, 0, image.length);
            return number("cuModuleLoadData", module -> (int) load.invokeExact(module, at));
        }
    }

    long function(long module, String kernel) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment at = a.allocateFrom(kernel);
            return number("cuModuleGetFunction of " + kernel, f -> (int) function.invokeExact(f, module, at));
        }
    }

    /** Lets a kernel use so much dynamic shared memory. */
    void allowShared(long kernel, int bytes) {
        check("cuFuncSetAttribute", () -> (int) setAttribute.invokeExact(kernel, DYNAMIC_SHARED, bytes));
    }

    /** Starts a kernel; the parameters are read before this returns. */
    void launch(
            String what,
            long kernel,
            int gridX,
            int gridY,
            int block,
            int shared,
            long stream,
            MemorySegment parameters) {
        check("the kernel " + what, () -> (int) launch.invokeExact(
                kernel, gridX, gridY, 1, block, 1, 1, shared, stream, parameters, MemorySegment.NULL));
    }
}
