package dev.loupe.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * Addresses and strides of tensors, asked of the engine's C interface: a few nanoseconds where its Java interface takes
 * microseconds, of which a pass over a single token has not many. To be used after the engine was loaded.
 */
final class TensorMemory {
    private static final MethodHandle DATA = function("aoti_torch_get_data_ptr");
    private static final MethodHandle STRIDES = function("aoti_torch_get_strides");

    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    private static final ThreadLocal<MemorySegment> ANSWER =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(JAVA_LONG));

    private TensorMemory() {}

    private static MethodHandle function(String name) {
        MemorySegment symbol = SymbolLookup.loaderLookup()
                .find(name)
                .orElseThrow(() -> new IllegalStateException("the tensor library has no " + name));
        return Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
    }

    private static long ask(MethodHandle function, NDArray array) {
        MemorySegment answer = ANSWER.get();
        try {
            int code = (int) function.invokeExact((long) ((PtNDArray) array).getHandle(), answer);
            if (code != 0) {
                throw new IllegalStateException("the tensor library refused to describe " + array.getShape());
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a call of the tensor library failed", e);
        }
        return answer.get(JAVA_LONG, 0);
    }

    static long address(NDArray array) {
        return ask(DATA, array);
    }

    /** Distances of neighbours by dimension, in values. */
    static long[] strides(NDArray array) {
        int n = array.getShape().dimension();
        return MemorySegment.ofAddress(ask(STRIDES, array))
                .reinterpret(JAVA_LONG.byteSize() * n)
                .toArray(JAVA_LONG);
    }

    /** The strides of a tensor of this shape whose values lie one after another in row-major order. */
    static long[] packed(long[] shape) {
        long[] strides = new long[shape.length];
        long step = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = step;
            step *= shape[i];
        }
        return strides;
    }

    /** Whether strides mean the same where a dimension has neighbours. */
    static boolean same(long[] shape, long[] a, long[] b) {
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] != 1 && a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
}
