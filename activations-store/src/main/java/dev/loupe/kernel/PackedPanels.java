package dev.loupe.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * The right side w of many products x · wᵀ, packed once in the order in which the kernel reads it. Rows of w can be
 * replaced one by one. Outputs are taken in panels of {@link #PANEL}, rows of x in groups of {@link #GROUP}.
 *
 * <p>Results do not depend on the number of threads, nor on whether a product runs in machine code or in Java (except that
 * the instruction for bfloat16 takes numbers below 2⁻¹²⁶ as zeros).
 */
public final class PackedPanels {
    /** Outputs of a panel. */
    public static final int PANEL = PanelKernel.WIDTH;

    /** Rows of x that are multiplied together. */
    public static final int GROUP = PanelKernel.HEIGHT;

    private final PanelType type;
    private final int outputs;
    private final int inner;
    private final MemorySegment memory;

    /** Room for {@code outputs} rows of {@code inner} values, all zero, as long as the arena lives. */
    public PackedPanels(Arena arena, PanelType type, int outputs, int inner) {
        this.type = type;
        this.outputs = outputs;
        this.inner = inner;
        this.memory = arena.allocate(panels() * panelBytes(), 64);
    }

    /** Whether products of this type run at the full speed of the processor here; if not, they run in Java. */
    public static boolean machine(PanelType type) {
        return PanelKernel.machine(type);
    }

    /** What of the processor products depend on, for logs and manifests. */
    public static String processor() {
        StringBuilder text = new StringBuilder(System.getProperty("os.arch", ""))
                .append(", ")
                .append(Native.L);
        text.append(" lanes");
        for (String flag : new String[] {"avx512f", "avx512_vnni", "avx512_bf16"}) {
            text.append(MachineCode.flags().contains(flag) ? " " + flag : "");
        }
        return text.toString();
    }

    /** What values are stored as. */
    public PanelType type() {
        return type;
    }

    /** The number of outputs. */
    public int outputs() {
        return outputs;
    }

    /** The number of panels; the last one is filled up with zeros. */
    public int panels() {
        return Math.ceilDiv(outputs, PANEL);
    }

    /** Bytes of the packed weights. */
    public long bytes() {
        return memory.byteSize();
    }

    private long panelBytes() {
        return 4L * PANEL * type.steps(inner);
    }

    /**
     * Replaces the row of one output.
     *
     * @param source native memory with {@code inner} floats from {@code offset}
     * @param scale for integers, see {@link #packRow}
     */
    public void setRow(int output, MemorySegment source, long offset, float scale) {
        long from = Native.address(source, offset + 4L * inner) + offset;
        long panel = memory.address() + output / PANEL * panelBytes();
        long to = panel + 4L * (output % PANEL);
        if (type == PanelType.INT8) {
            Packing.bytes(from, inner, scale, to, 4L * PANEL, Packing.PLUS_128);
        } else {
            Packing.row(type, from, inner, scale, to, 4L * PANEL);
        }
        Reference.reachabilityFence(source);
        Reference.reachabilityFence(memory);
    }

    /** Bytes of {@code rows} rows of x, packed. */
    public long tileBytes(int rows) {
        return 4L * GROUP * Math.ceilDiv(rows, GROUP) * type.steps(inner);
    }

    /**
     * Packs one row of x.
     *
     * @param source native memory with {@code inner} floats from {@code offset}
     * @param scale what values are multiplied by before they are rounded, for integers only; the result must fit the
     *     type, and sums of products 32 bits
     * @param row its place in the tile
     * @param tile of {@link #tileBytes}
     * @return how much too large all sums of this row will be; 0 but for 8-bit integers
     */
    public int packRow(MemorySegment source, long offset, float scale, int row, MemorySegment tile) {
        long from = Native.address(source, offset + 4L * inner) + offset;
        int excess = 0;
        if (type == PanelType.INT8) {
            excess = 128 * Packing.bytes(from, inner, scale, place(row, tile), 4L * GROUP, 0);
        } else {
            Packing.row(type, from, inner, scale, place(row, tile), 4L * GROUP);
        }
        Reference.reachabilityFence(source);
        Reference.reachabilityFence(tile);
        return excess;
    }

    /** Puts zeros into the rows from {@code rows} to the end of the last group. */
    public void fill(int rows, MemorySegment tile) {
        for (int r = rows; r % GROUP != 0; r++) {
            Packing.none(type, inner, place(r, tile), 4L * GROUP);
        }
        Reference.reachabilityFence(tile);
    }

    private long place(int row, MemorySegment tile) {
        return Native.address(tile, tileBytes(row + 1))
                + 4L * GROUP * (row / GROUP) * type.steps(inner)
                + 4L * (row % GROUP);
    }

    /**
     * Multiplies whole groups of a packed tile by some panels, on the calling thread.
     *
     * @param from first panel
     * @param to behind the last panel
     * @param out native memory, [groups · GROUP, (to − from) · PANEL] float32 (int32 for integers), overwritten
     */
    public void multiply(MemorySegment tile, int groups, int from, int to, MemorySegment out) {
        java.util.Objects.checkFromToIndex(from, to, panels());
        long x = Native.address(tile, tileBytes(groups * GROUP));
        long stride = 4L * PANEL * (to - from);
        long o = Native.address(out, stride * groups * GROUP);
        for (int p = from; p < to; p++) {
            PanelKernel.multiply(
                    type,
                    x,
                    memory.address() + p * panelBytes(),
                    type.steps(inner),
                    o + 4L * PANEL * (p - from),
                    stride,
                    groups);
        }
        Reference.reachabilityFence(tile);
        Reference.reachabilityFence(memory);
        Reference.reachabilityFence(out);
    }
}
