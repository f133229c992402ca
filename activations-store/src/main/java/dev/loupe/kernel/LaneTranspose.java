package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Rows of 32-bit lanes into the columns of a panel of {@link PanelKernel}, 16 rows at a time: one read and one write of 64
 * bytes for 16 lanes and four shuffles of registers between. In machine code, because the Vector API keeps 16 vectors and
 * what is made of them in memory; elsewhere in Java, with the same bytes.
 */
final class LaneTranspose {
    /** Rows, and lanes of each, that are taken together. */
    static final int SIDE = 16;

    private static final long STEP = 4L * PanelKernel.WIDTH;
    private static final int BLOCK = 64; // lanes of all rows of a panel that fit the first cache
    private static final @Nullable MethodHandle CODE = MachineCode.flags().contains("avx512f")
            ? MachineCode.load(code(), FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG))
                    .orElse(null)
            : null;

    private LaneTranspose() {}

    /**
     * {@code to[k][j] = from[j][k]}.
     *
     * @param from address of the first row
     * @param stride bytes from row to row
     * @param rows how many rows; the columns of others stay as they are
     * @param lanes of a row
     * @param to address of the first column's first lane; lanes are {@link PanelKernel#WIDTH} lanes apart
     */
    static void run(long from, long stride, int rows, int lanes, long to) {
        int wholeRows = CODE == null ? 0 : rows / SIDE * SIDE;
        int whole = lanes / SIDE * SIDE;
        for (int j = 0; j < wholeRows; j += SIDE) {
            squares(from + j * stride, stride, whole / SIDE, to + 4L * j);
        }
        java(from, stride, 0, wholeRows, whole, lanes, to);
        java(from, stride, wholeRows, rows, 0, lanes, to);
    }

    private static void squares(long from, long stride, long count, long to) {
        MethodHandle code = CODE;
        if (code == null || count == 0) {
            return;
        }
        try {
            code.invokeExact(from, stride, count, to);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Rows [firstRow, endRow), lanes [first, end). */
    static void java(long from, long stride, int firstRow, int endRow, int first, int end, long to) {
        for (int k = first; k < end; k += BLOCK) {
            int n = Math.min(BLOCK, end - k);
            for (int j = firstRow; j < endRow; j += 2) {
                long row = from + j * stride + 4L * k;
                long place = to + k * STEP + 4L * j;
                if (j + 1 < endRow) {
                    Packing.rows(PanelType.FLOAT32, row, row + stride, n, 1, place, STEP);
                } else {
                    Packing.row(PanelType.FLOAT32, row, n, 1, place, STEP);
                }
            }
        }
    }

    /** Arguments as the System V convention passes them: rdi = from, rsi = stride, rdx = squares, rcx = to. */
    static byte[] code() {
        Evex e = new Evex();
        int square = e.here();
        e.address(Evex.R8, Evex.RSI, Evex.RSI, 2); // three strides
        e.address(Evex.R9, Evex.RDI, Evex.RSI, 4);
        e.address(Evex.R10, Evex.RDI, Evex.RSI, 8);
        e.address(Evex.R11, Evex.R10, Evex.RSI, 4);
        int[] bases = {Evex.RDI, Evex.R9, Evex.R10, Evex.R11};
        for (int r = 0; r < SIDE; r++) {
            switch (r % 4) {
                case 0 -> e.load(r, bases[r / 4], 0);
                case 3 -> e.load(r, bases[r / 4], Evex.R8, 1);
                default -> e.load(r, bases[r / 4], Evex.RSI, r % 4);
            }
        }
        for (int r = 0; r < SIDE; r += 2) { // pairs of rows: lanes 0, 1 of each quarter, then 2, 3
            e.lanesOfQuarters(SIDE + r, r, r + 1, false);
            e.lanesOfQuarters(SIDE + r + 1, r, r + 1, true);
        }
        for (int r = 0; r < SIDE; r += 4) { // four rows: lane c of every quarter in register r + c
            for (int c = 0; c < 4; c++) {
                e.halvesOfQuarters(r + c, SIDE + r + c / 2, SIDE + r + c / 2 + 2, c % 2 == 1);
            }
        }
        for (int c = 0; c < 4; c++) { // quarter q of the four registers of c is column 4 q + c
            int t = SIDE;
            e.quarters(t, c, 4 + c, 0x88);
            e.quarters(t + 1, 8 + c, 12 + c, 0x88);
            e.quarters(t + 2, c, 4 + c, 0xDD);
            e.quarters(t + 3, 8 + c, 12 + c, 0xDD);
            for (int q = 0; q < 4; q++) {
                e.quarters(t + 4 + q, t + q % 2 * 2, t + q % 2 * 2 + 1, q < 2 ? 0x88 : 0xDD);
                e.store(t + 4 + q, Evex.RCX, (int) STEP * (4 * q + c));
            }
        }
        e.addValue(Evex.RDI, 4 * SIDE);
        e.addValue(Evex.RCX, (int) STEP * SIDE);
        e.decrement(Evex.RDX);
        e.jumpIfNotZero(square);
        e.ret();
        return e.bytes();
    }
}
