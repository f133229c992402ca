package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The innermost part of a large product: groups of {@link #HEIGHT} rows of the left side times one panel of {@link #WIDTH}
 * outputs, all sums in registers. On processors with AVX-512 it is machine code, because the compiler keeps at most 16 sums
 * in registers and knows neither bfloat16 nor integer products; elsewhere it is Java and gives the same bits.
 */
final class PanelKernel {
    /** Rows of a group. */
    static final int HEIGHT = 12;

    /** Outputs of a panel. */
    static final int WIDTH = 32;

    private static final FunctionDescriptor TYPE =
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final @Nullable MethodHandle FLOAT32 = load(PanelType.FLOAT32, "avx512f");
    private static final @Nullable MethodHandle BFLOAT16 = load(PanelType.BFLOAT16, "avx512_bf16");
    private static final @Nullable MethodHandle INT16 = load(PanelType.INT16, "avx512_vnni");
    private static final @Nullable MethodHandle INT8 = load(PanelType.INT8, "avx512_vnni");

    private PanelKernel() {}

    /** Whether products of this type run in machine code here. */
    static boolean machine(PanelType type) {
        return switch (type) {
            case FLOAT32 -> FLOAT32 != null;
            case BFLOAT16 -> BFLOAT16 != null;
            case INT16 -> INT16 != null;
            case INT8 -> INT8 != null;
        };
    }

    /**
     * out[r][j] = Σ_k x[r][k] · panel[k][j].
     *
     * @param x address of {@code [groups][steps][HEIGHT]} lanes
     * @param panel address of {@code [steps][WIDTH]} lanes
     * @param out address of the first sum; rows are {@code stride} bytes apart, all of every group are written
     */
    static void multiply(PanelType type, long x, long panel, long steps, long out, long stride, long groups) {
        try {
            switch (type) {
                case FLOAT32 -> {
                    if (FLOAT32 != null) {
                        FLOAT32.invokeExact(x, panel, steps, out, stride, groups);
                        return;
                    }
                }
                case BFLOAT16 -> {
                    if (BFLOAT16 != null) {
                        BFLOAT16.invokeExact(x, panel, steps, out, stride, groups);
                        return;
                    }
                }
                case INT16 -> {
                    if (INT16 != null) {
                        INT16.invokeExact(x, panel, steps, out, stride, groups);
                        return;
                    }
                }
                case INT8 -> {
                    if (INT8 != null) {
                        INT8.invokeExact(x, panel, steps, out, stride, groups);
                        return;
                    }
                }
            }
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        JavaPanelKernel.multiply(type, x, panel, steps, out, stride, groups);
    }

    private static @Nullable MethodHandle load(PanelType type, String flag) {
        Set<String> flags = MachineCode.flags();
        return flags.contains("avx512f") && flags.contains(flag)
                ? MachineCode.load(code(type), TYPE).orElse(null)
                : null;
    }

    /** Arguments as the System V convention passes them: rdi = x, rsi = panel, rdx = steps, rcx = out, r8 = stride, r9 = groups. */
    static byte[] code(PanelType type) {
        int w = 2 * HEIGHT; // zmm0 … zmm23 are sums, 24 and 25 the panel, 26 to 31 values of x in turn
        Evex e = new Evex();
        int group = e.here();
        for (int sum = 0; sum < 2 * HEIGHT; sum++) {
            e.zero(sum);
        }
        e.move(Evex.R10, Evex.RSI);
        e.move(Evex.RAX, Evex.RDX);
        int step = e.here();
        e.load(w, Evex.R10, 0);
        e.load(w + 1, Evex.R10, 64);
        for (int r = 0; r < HEIGHT; r++) {
            int x = w + 2 + r % 6;
            e.broadcast(x, Evex.RDI, 4 * r);
            e.multiplyAdd(type, 2 * r, w, x);
            e.multiplyAdd(type, 2 * r + 1, w + 1, x);
        }
        e.addValue(Evex.RDI, 4 * HEIGHT);
        e.addValue(Evex.R10, 4 * WIDTH);
        e.decrement(Evex.RAX);
        e.jumpIfNotZero(step);
        for (int r = 0; r < HEIGHT; r++) {
            e.store(2 * r, Evex.RCX, 0);
            e.store(2 * r + 1, Evex.RCX, 64);
            e.add(Evex.RCX, Evex.R8);
        }
        e.decrement(Evex.R9);
        e.jumpIfNotZero(group);
        e.ret();
        return e.bytes();
    }
}
