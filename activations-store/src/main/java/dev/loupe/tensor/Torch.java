package dev.loupe.tensor;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * The door to the tensor library. It lets through exactly two types, float32 and int64: others (bfloat16 above all) end
 * the whole process inside the library's native code instead of failing, so callers convert before they come here.
 *
 * <p>Every thread must call {@link #enter} before it computes: the library records gradients in every thread but the
 * one that loaded it, which costs memory and forbids writing to tensors in place.
 */
public final class Torch {
    private static final NDIndex EVERYTHING = new NDIndex("...");

    private Torch() {}

    /** Keeps the native libraries from looking for anything outside this machine; to be called before any is loaded. */
    public static void offline() {
        NativeEnvironment.prepare();
        NativeEnvironment.describeOwnLibrary();
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
        if (System.getProperty("RUST_FLAVOR") == null) {
            System.setProperty("RUST_FLAVOR", "cpu");
        }
    }

    /** Sets the number of threads, before the library is loaded; afterwards this has no effect. */
    public static void threads(int threads) {
        if (threads > 0) {
            System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        }
    }

    /** A manager of its own for weights that live long, on the processor. */
    public static NDManager newManager() {
        return newManager(Device.CPU);
    }

    /**
     * The same on a device.
     *
     * @throws dev.loupe.base.LoupeException if this machine lacks the GPU or its libraries, in a sentence
     */
    public static NDManager newManager(Device device) {
        NDManager manager;
        if (device.isCuda()) {
            manager = Cuda.newManager(device.cuda());
        } else {
            offline();
            manager = Engine.getEngine("PyTorch").newBaseManager(ai.djl.Device.cpu());
        }
        if (device.tensors()) {
            Reach.remove(manager);
        }
        enter();
        return manager;
    }

    /** Whether Java reads and writes the tensors of a manager in place, as kernels do. */
    public static boolean inReach(NDManager manager) {
        return !Reach.isAway(manager);
    }

    /** Whether Java reads and writes a tensor in place. */
    public static boolean inReach(NDArray array) {
        return !Reach.isAway(array.getManager());
    }

    /**
     * Fails unless a tensor is where the model's tensors shall be: an operation that silently went on with the processor
     * would be slow at best.
     *
     * @param what what it holds, for the message
     */
    public static void requireOn(Device device, NDArray array, String what) {
        ai.djl.Device where = array.getDevice();
        if (where.isGpu() != device.isCuda() || device.isCuda() && where.getDeviceId() != device.cuda()) {
            throw new IllegalStateException(
                    what + " " + array.getShape() + " shall be on " + device + " and is on " + where);
        }
    }

    /** Turns the recording of gradients off in the calling thread. */
    public static void enter() {
        if (JniUtils.isGradMode()) {
            JniUtils.setGradMode(false);
        }
    }

    /** How many threads one operation uses when it is called from the calling thread. */
    public static int threads() {
        offline();
        Engine.getEngine("PyTorch"); // loads the library, if nobody has computed anything yet
        return JniUtils.getNumThreads();
    }

    /**
     * Sets how many threads one operation uses when it is called from the calling thread, and from threads that have not
     * computed anything yet.
     */
    public static void setThreads(int threads) {
        JniUtils.setNumThreads(threads);
    }

    /** Version of the engine and number of its threads, for people. */
    public static String describe() {
        offline();
        Engine engine = Engine.getEngine("PyTorch");
        return String.format(Locale.ROOT, "PyTorch %s, %d threads", engine.getVersion(), JniUtils.getNumThreads());
    }

    /**
     * A float32 tensor over memory of ours, without a copy: the memory must outlive the tensor and every view of it.
     *
     * @param memory native, at most 2 GiB
     */
    public static NDArray wrap(NDManager manager, MemorySegment memory, long... shape) {
        Shape s = new Shape(shape);
        if (Reach.isAway(manager)) {
            throw new IllegalStateException("a tensor " + s + " on " + manager.getDevice() + " cannot share memory");
        }
        if (!memory.isNative() || memory.isReadOnly() || memory.byteSize() != 4 * s.size()) {
            throw new IllegalArgumentException(memory + " is no native memory of " + s + " floats");
        }
        return manager.create(memory.asByteBuffer().order(ByteOrder.nativeOrder()), s, DataType.FLOAT32);
    }

    /**
     * A float32 tensor with these values, which nobody writes: over the memory itself where Java reaches tensors (then it
     * must outlive the tensor), else a copy.
     *
     * @param memory native, at most 2 GiB
     */
    public static NDArray over(NDManager manager, MemorySegment memory, long... shape) {
        return Reach.isAway(manager) ? Transfer.up(manager, memory, shape) : wrap(manager, memory, shape);
    }

    /** A float32 tensor with a copy of these values, from memory of at most 2 GiB. */
    public static NDArray load(NDManager manager, MemorySegment memory, long... shape) {
        if (Reach.isAway(manager)) {
            try (Arena arena = Arena.ofConfined()) {
                return Transfer.up(
                        manager, arena.allocate(memory.byteSize(), 64).copyFrom(memory), shape);
            }
        }
        NDArray array = empty(manager, shape);
        MemorySegment.copy(memory, 0, memory(array), 0, 4 * array.size());
        return array;
    }

    /** Writes the values of a float32 tensor of any layout into native memory of exactly that size, row-major. */
    public static void store(NDArray array, MemorySegment target) {
        if (array.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException("only float32 tensors are read, not " + array.getDataType());
        }
        if (Reach.isAway(array.getManager())) {
            Transfer.down(array, target);
            return;
        }
        long[] shape = array.getShape().getShape();
        if (TensorMemory.same(shape, TensorMemory.strides(array), TensorMemory.packed(shape))) {
            // many are small: the library takes longer
            MemorySegment.copy(memory(array), 0, target, 0, 4 * array.size());
            Reference.reachabilityFence(array);
            return;
        }
        try (NDArray wrapped = wrap(array.getManager(), target, shape)) {
            assign(wrapped, array);
        }
    }

    /** An int64 tensor with a copy of these values. */
    public static NDArray longs(NDManager manager, long[] values, long... shape) {
        return manager.create(values, new Shape(shape));
    }

    /** A float32 tensor with a copy of these values. */
    public static NDArray floats(NDManager manager, float[] values, long... shape) {
        return manager.create(values, new Shape(shape));
    }

    /** An uninitialised, contiguous float32 tensor. */
    public static NDArray empty(NDManager manager, long... shape) {
        return manager.create(new Shape(shape), DataType.FLOAT32);
    }

    /**
     * The memory of a contiguous float32 tensor on this machine's processor, without a copy: valid while the tensor is
     * open, and writes go through. Only for tensors from {@link #empty} and results known to be contiguous.
     */
    public static MemorySegment view(NDArray array) {
        if (array.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException("only float32 tensors are read, not " + array.getDataType());
        }
        checkReach(array);
        ByteBuffer buffer = array.toByteBuffer(true);
        MemorySegment segment = MemorySegment.ofBuffer(buffer);
        if (!segment.isNative() || segment.byteSize() != 4 * array.size()) {
            throw new IllegalStateException("the tensor " + array.getShape() + " has no memory of its own");
        }
        return segment;
    }

    /**
     * The memory of a float32 tensor for reading, without a copy if it is contiguous: valid while the tensor is open. Must
     * be kept reachable as long as the memory is used.
     */
    public static Values values(NDArray array) {
        return values(array, false);
    }

    /**
     * The same, without a copy also if only the last dimension is contiguous.
     *
     * @param strided whether the caller looks at {@link Values#strides}
     */
    public static Values values(NDArray array, boolean strided) {
        if (array.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException("only float32 tensors are read, not " + array.getDataType());
        }
        long[] shape = array.getShape().getShape();
        long[] packed = TensorMemory.packed(shape);
        if (Reach.isAway(array.getManager())) {
            MemorySegment copy = copy(array);
            return new Values(copy, packed, copy);
        }
        long[] strides = TensorMemory.strides(array);
        boolean fits = strided ? strides[strides.length - 1] == 1 : TensorMemory.same(shape, strides, packed);
        if (!fits) {
            MemorySegment copy = copy(array);
            return new Values(copy, packed, copy);
        }
        long extent = 1;
        for (int i = 0; i < shape.length; i++) {
            extent += (shape[i] - 1) * strides[i];
        }
        return new Values(MemorySegment.ofAddress(TensorMemory.address(array)).reinterpret(4 * extent), strides, array);
    }

    /**
     * Memory of a tensor and what keeps it from being freed.
     *
     * @param memory its values, in float32
     * @param strides by dimension, in values
     * @param owner as long as it is reachable and open, the memory is valid
     */
    public record Values(MemorySegment memory, long[] strides, Object owner) {}

    /** The memory of a tensor from {@link #empty}, for writing: valid while the tensor is open. */
    public static MemorySegment memory(NDArray array) {
        checkReach(array);
        return MemorySegment.ofAddress(TensorMemory.address(array)).reinterpret(4 * array.size());
    }

    private static void checkReach(NDArray array) {
        if (Reach.isAway(array.getManager())) {
            throw new IllegalStateException("the tensor " + array.getShape() + " on " + array.getDevice()
                    + " is not in Java's reach: its values have to be copied");
        }
    }

    /** The values of a float32 tensor of any layout in fresh native memory, row-major, freed with its last reference. */
    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    public static MemorySegment copy(NDArray array) {
        MemorySegment target = Arena.ofAuto().allocate(4 * array.size(), 64);
        store(array, target);
        return target;
    }

    /** 1 where a value is above 0, otherwise 0. */
    public static NDArray positive(NDArray array) {
        return array.gt(0f).toType(DataType.FLOAT32, false);
    }

    /** Writes the values of a tensor into another of the same shape, in place. */
    public static void assign(NDArray target, NDArray values) {
        target.set(EVERYTHING, values); // the library's own copyTo would replace the memory instead of filling it
    }

    /** The values of a small float32 tensor on the heap. */
    public static float[] toArray(NDArray array) {
        return copy(array).toArray(ValueLayout.JAVA_FLOAT);
    }
}
