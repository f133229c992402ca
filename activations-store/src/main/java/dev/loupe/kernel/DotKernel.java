package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Dot products of rows of float32 or bfloat16 weights, where they lie, with one to eight vectors of the same type: machine
 * code. Each sum has 16 lanes, which take 16 float32 at a time, or 32 bfloat16, the odd one of a pair before the even one
 * ({@code vdpbf16ps}), and are added at the end as {@link Native#sum} does. The twins in Java are {@link RowDots#floats} and
 * {@link RowDots#halves}, where vectors have 16 lanes.
 */
final class DotKernel {
    /** Bytes of x and of weights that all lanes of a sum take together. */
    static final int STEP_BYTES = 64;

    /** Vectors at most. */
    static final int MOST = 8;

    private static final int BLOCK = 8; // sums that are added up together

    private static final FunctionDescriptor TYPE =
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final Codes FLOAT32 = Codes.load(PanelType.FLOAT32, "avx512f");
    private static final Codes BFLOAT16 = Codes.load(PanelType.BFLOAT16, "avx512_bf16");

    private DotKernel() {}

    /** The functions for each number of vectors: for groups of rows and for single rows. */
    private record Codes(
            @Nullable MethodHandle[] many, @Nullable MethodHandle[] single, boolean all) {
        static Codes load(PanelType type, String flag) {
            Codes codes = new Codes(new MethodHandle[MOST + 1], new MethodHandle[MOST + 1], false);
            boolean can = Native.L == 16 && MachineCode.flags().containsAll(List.of("avx512f", flag));
            for (int vectors = 1; can && vectors <= MOST; vectors++) {
                codes.many[vectors] = MachineCode.load(code(type, group(vectors), vectors), TYPE)
                        .orElse(null);
                codes.single[vectors] =
                        MachineCode.load(code(type, 1, vectors), TYPE).orElse(null);
                can = codes.many[vectors] != null && codes.single[vectors] != null;
            }
            return new Codes(codes.many, codes.single, can);
        }
    }

    private static Codes codes(PanelType type) {
        return switch (type) {
            case FLOAT32 -> FLOAT32;
            case BFLOAT16 -> BFLOAT16;
            case INT16, INT8 -> throw new IllegalArgumentException("weights are not rounded to integers");
        };
    }

    /** Whether the machine code for a type can run here. */
    static boolean machine(PanelType type) {
        return codes(type).all;
    }

    /** Values that all lanes of a sum take together. */
    static int step(PanelType type) {
        return STEP_BYTES / 4 * type.perLane();
    }

    /** Rows of weights of a group: as many as leave registers for their sums with all vectors. */
    static int group(int vectors) {
        return vectors <= 2 ? 8 : vectors <= 4 ? 4 : 2;
    }

    /** Bytes of the results of one group. */
    static int resultBytes(int groupRows, int vectors) {
        return Math.ceilDiv(groupRows * vectors, BLOCK) * 64;
    }

    /** Where in the results of a group the sum of a weights' row with a vector lies. */
    static int place(int row, int vectors, int vector) {
        int sum = row * vectors + vector;
        return sum / BLOCK * 64 + (sum & 3) * 16 + (sum >> 2 & 1) * 8;
    }

    /**
     * Multiplies groups of rows.
     *
     * @param vectors how many; 1 to {@link #MOST}
     * @param groupRows rows of a group: {@link #group} of them or 1
     * @param x address of {@code [steps][vectors][STEP_BYTES]} of values
     * @param w address of the first row
     * @param steps whole steps, at least 1; what a row has beyond them is not read
     * @param results address of {@link #resultBytes} for each group
     * @param stride bytes from row to row
     * @param groups how many groups, at least 1
     */
    static void multiply(
            PanelType type,
            int vectors,
            int groupRows,
            long x,
            long w,
            long steps,
            long results,
            long stride,
            long groups) {
        MethodHandle code = (groupRows == 1 ? codes(type).single : codes(type).many)[vectors];
        if (code == null) {
            throw new IllegalStateException("no machine code here");
        }
        try {
            code.invokeExact(x, w, steps, results, stride, groups);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Arguments as the System V convention passes them: rdi = x, rsi = w, rdx = steps, rcx = results, r8 = stride, r9 = groups.
     * r11 is the fifth row of a group, r10 three strides.
     */
    static byte[] code(PanelType type, int rows, int vectors) {
        int sums = Math.ceilDiv(rows * vectors, BLOCK) * BLOCK;
        int x = rows * vectors;
        int w = 30; // 30 and 31 hold weights in turn
        Evex e = new Evex();
        e.address(Evex.R10, Evex.R8, Evex.R8, 2);
        int group = e.here();
        e.push(Evex.RSI);
        e.push(Evex.RDI);
        for (int sum = 0; sum < sums; sum++) {
            e.zero(sum);
        }
        e.address(Evex.R11, Evex.RSI, Evex.R8, 4);
        e.move(Evex.RAX, Evex.RDX);
        int step = e.here();
        for (int v = 0; v < vectors; v++) {
            e.load(x + v, Evex.RDI, 64 * v);
        }
        for (int r = 0; r < rows; r++) {
            int weights = w + r % 2;
            int base = r < 4 ? Evex.RSI : Evex.R11;
            switch (r % 4) {
                case 0 -> e.load(weights, base, 0);
                case 3 -> e.load(weights, base, Evex.R10, 1);
                default -> e.load(weights, base, Evex.R8, r % 4);
            }
            for (int v = 0; v < vectors; v++) {
                e.multiplyAdd(type, r * vectors + v, weights, x + v);
            }
        }
        e.addValue(Evex.RDI, 64 * vectors);
        e.addValue(Evex.RSI, 64);
        e.addValue(Evex.R11, 64);
        e.decrement(Evex.RAX);
        e.jumpIfNotZero(step);
        for (int first = 0; first < sums; first += BLOCK) {
            addUp(e, first);
            e.store(first, Evex.RCX, 0);
            e.addValue(Evex.RCX, 64);
        }
        e.pop(Evex.RDI);
        e.pop(Evex.RSI);
        e.address(Evex.RSI, Evex.RSI, Evex.R8, rows);
        e.decrement(Evex.R9);
        e.jumpIfNotZero(group);
        e.ret();
        return e.bytes();
    }

    /** Eight registers to their sums, each in an even lane of the first one: lanes 8 apart first, neighbours last. */
    private static void addUp(Evex e, int first) {
        int t = 28;
        for (int i = 0; i < 4; i++) {
            int a = first + 2 * i;
            e.quarters(t, a, a + 1, 0x44);
            e.quarters(t + 1, a, a + 1, 0xEE);
            e.addFloats(first + i, t, t + 1);
        }
        for (int i = 0; i < 2; i++) {
            int a = first + 2 * i;
            e.quarters(t, a, a + 1, 0x88);
            e.quarters(t + 1, a, a + 1, 0xDD);
            e.addFloats(first + i, t, t + 1);
        }
        e.halvesOfQuarters(t, first, first + 1, false);
        e.halvesOfQuarters(t + 1, first, first + 1, true);
        e.addFloats(first, t, t + 1);
        e.oddLanes(t, first);
        e.addFloats(first, first, t);
    }
}
