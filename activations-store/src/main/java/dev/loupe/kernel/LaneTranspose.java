package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Brings rows into the columns that {@link PanelKernel} reads: 16 rows of weights into a panel, 12 rows of the left side into
 * a group. One read and one write of 64 bytes for 16 lanes, and four shuffles of registers between. In machine code, because
 * the Vector API keeps so many vectors in memory; elsewhere in Java, with the same bytes.
 */
final class LaneTranspose {
    /** Rows of a panel, and lanes of a row, that are taken together. */
    static final int SIDE = 16;

    private static final long PANEL_STEP = 4L * PanelKernel.WIDTH;
    private static final long GROUP_STEP = 4L * PanelKernel.HEIGHT;
    private static final int BLOCK = 64; // lanes of all rows of a panel that fit the first cache
    private static final FunctionDescriptor TYPE =
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final @Nullable MethodHandle PANEL = load("avx512f", panelCode());
    private static final @Nullable MethodHandle GROUP = load("avx512f", groupCode(PanelType.FLOAT32));
    private static final @Nullable MethodHandle ROUNDED = load("avx512_bf16", groupCode(PanelType.BFLOAT16));

    private LaneTranspose() {}

    /**
     * Lanes as they lie, {@code to[k][j] = from[j][k]}.
     *
     * @param from address of the first row
     * @param stride bytes from row to row
     * @param rows how many rows; the columns of others stay as they are
     * @param lanes of a row
     * @param to address of the first column's first lane; lanes are {@link PanelKernel#WIDTH} lanes apart
     */
    static void panel(long from, long stride, int rows, int lanes, long to) {
        int wholeRows = PANEL == null ? 0 : rows / SIDE * SIDE;
        int whole = lanes / SIDE * SIDE;
        for (int j = 0; j < wholeRows; j += SIDE) {
            call(PANEL, from + j * stride, stride, whole / SIDE, to + 4L * j);
        }
        panelRows(from, stride, 0, wholeRows, whole, lanes, to);
        panelRows(from, stride, wholeRows, rows, 0, lanes, to);
    }

    /** Rows [firstRow, endRow), lanes [first, end). */
    static void panelRows(long from, long stride, int firstRow, int endRow, int first, int end, long to) {
        for (int k = first; k < end; k += BLOCK) {
            int n = Math.min(BLOCK, end - k);
            for (int j = firstRow; j < endRow; j += 2) {
                long row = from + j * stride + 4L * k;
                long place = to + k * PANEL_STEP + 4L * j;
                if (j + 1 < endRow) {
                    Packing.rows(PanelType.FLOAT32, row, row + stride, n, 1, place, PANEL_STEP);
                } else {
                    Packing.row(PanelType.FLOAT32, row, n, 1, place, PANEL_STEP);
                }
            }
        }
    }

    /**
     * A group of float32 rows as lanes of a type other than integers. Subnormal values may become zero on the way to
     * bfloat16, as they do in its products.
     *
     * @param from address of the first row's first value
     * @param stride bytes from row to row
     * @param rows how many, at most {@link PanelKernel#HEIGHT}; lanes of others become zero
     * @param values of a row
     * @param to address of the group
     */
    static void group(PanelType type, long from, long stride, int rows, int values, long to) {
        int whole = 0;
        MethodHandle code = type == PanelType.FLOAT32 ? GROUP : ROUNDED;
        if (code != null && rows == PanelKernel.HEIGHT) {
            int squares = values / (SIDE * type.perLane());
            call(code, from, stride, squares, to);
            whole = squares * SIDE;
        }
        groupRows(
                type,
                from + 4L * whole * type.perLane(),
                stride,
                rows,
                values - whole * type.perLane(),
                to + whole * GROUP_STEP);
    }

    /** The same without machine code. */
    static void groupRows(PanelType type, long from, long stride, int rows, int values, long to) {
        if (values == 0) {
            return;
        }
        for (int i = 0; i < PanelKernel.HEIGHT; i += 2) {
            long row = from + i * stride;
            if (i + 1 < rows) {
                Packing.rows(type, row, row + stride, values, 1, to + 4L * i, GROUP_STEP);
                continue;
            }
            if (i < rows) {
                Packing.row(type, row, values, 1, to + 4L * i, GROUP_STEP);
            } else {
                Packing.none(type, values, to + 4L * i, GROUP_STEP);
            }
            Packing.none(type, values, to + 4L * i + 4, GROUP_STEP);
        }
    }

    private static void call(@Nullable MethodHandle code, long from, long stride, long squares, long to) {
        if (code == null || squares == 0) {
            return;
        }
        try {
            code.invokeExact(from, stride, squares, to);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static @Nullable MethodHandle load(String flag, byte[] code) {
        return MachineCode.flags().contains("avx512f") && MachineCode.flags().contains(flag)
                ? MachineCode.load(code, TYPE).orElse(null)
                : null;
    }

    // Arguments as the System V convention passes them: rdi = from, rsi = stride, rdx = squares, rcx = to.

    static byte[] panelCode() {
        Evex e = new Evex();
        int square = e.here();
        addresses(e);
        for (int r = 0; r < SIDE; r++) {
            load(e, r, r, 0);
        }
        transpose(e);
        for (int k = 0; k < SIDE; k++) {
            e.store(k, Evex.RCX, (int) PANEL_STEP * k);
        }
        e.addValue(Evex.RDI, 4 * SIDE);
        e.addValue(Evex.RCX, (int) PANEL_STEP * SIDE);
        e.decrement(Evex.RDX);
        e.jumpIfNotZero(square);
        e.ret();
        return e.bytes();
    }

    static byte[] groupCode(PanelType type) {
        Evex e = new Evex();
        e.lowerLanes(PanelKernel.HEIGHT);
        int square = e.here();
        addresses(e);
        for (int r = 0; r < PanelKernel.HEIGHT; r++) { // the other registers hold what they hold
            load(e, r, r, 0);
            if (type == PanelType.BFLOAT16) {
                load(e, SIDE + r, r, 64);
                e.roundPairs(r, r, SIDE + r);
            }
        }
        transpose(e);
        for (int k = 0; k < SIDE; k++) {
            e.storeLower(k, Evex.RCX);
            e.addValue(Evex.RCX, (int) GROUP_STEP);
        }
        e.addValue(Evex.RDI, 4 * SIDE * type.perLane());
        e.decrement(Evex.RDX);
        e.jumpIfNotZero(square);
        e.ret();
        return e.bytes();
    }

    /** r8 = three strides; r9, r10, r11 = rows 4, 8, 12. */
    private static void addresses(Evex e) {
        e.address(Evex.R8, Evex.RSI, Evex.RSI, 2);
        e.address(Evex.R9, Evex.RDI, Evex.RSI, 4);
        e.address(Evex.R10, Evex.RDI, Evex.RSI, 8);
        e.address(Evex.R11, Evex.R10, Evex.RSI, 4);
    }

    private static void load(Evex e, int zmm, int row, int disp) {
        int base = switch (row / 4) {
            case 0 -> Evex.RDI;
            case 1 -> Evex.R9;
            case 2 -> Evex.R10;
            default -> Evex.R11;
        };
        switch (row % 4) {
            case 0 -> e.load(zmm, base, disp);
            case 3 -> e.load(zmm, base, Evex.R8, 1, disp);
            default -> e.load(zmm, base, Evex.RSI, row % 4, disp);
        }
    }

    /** Registers 0 to 15 hold rows, and columns afterwards. */
    private static void transpose(Evex e) {
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
                e.quarters(4 * q + c, t + q % 2 * 2, t + q % 2 * 2 + 1, q < 2 ? 0x88 : 0xDD);
            }
        }
    }
}
