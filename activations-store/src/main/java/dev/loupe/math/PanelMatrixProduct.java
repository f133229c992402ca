package dev.loupe.math;

import dev.loupe.kernel.PackedPanels;
import dev.loupe.kernel.PanelType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * out = x · wᵀ by {@link PackedPanels}: a block of w is packed once, then tiles of rows of x are multiplied on all threads.
 * A sum runs over the inner dimension in order, so the result does not depend on the number of threads.
 */
record PanelMatrixProduct(PanelType type) implements MatrixProduct {
    private static final int ROWS = 16 * PackedPanels.GROUP; // a packed tile stays in the second-level cache
    private static final int OUTPUTS = 4096; // memory for packed weights does not grow with n
    private static final int PANELS = 4; // results of a tile stay in the cache until they are copied

    @Override
    public void multiplyNT(Matrix x, Matrix w, Matrix out) {
        MatrixProduct.checkShapes(x, w, out);
        for (int from = 0; from < out.cols(); from += OUTPUTS) {
            int first = from;
            int n = Math.min(OUTPUTS, out.cols() - from);
            try (Arena arena = Arena.ofShared()) {
                PackedPanels packed = new PackedPanels(arena, type, n, x.cols());
                Parallel.run(packed.panels(), p -> {
                    for (int j = p * PackedPanels.PANEL; j < Math.min(n, (p + 1) * PackedPanels.PANEL); j++) {
                        packed.setRow(j, w.segment(), w.offset(first + j), 1);
                    }
                });
                int tasks = Math.toIntExact(Math.ceilDiv(x.rows(), (long) ROWS));
                Parallel.run(tasks, t -> tile(x, packed, (long) t * ROWS, out, first));
            }
        }
    }

    private static void tile(Matrix x, PackedPanels packed, long firstRow, Matrix out, int firstOutput) {
        int rows = (int) Math.min(ROWS, x.rows() - firstRow);
        int groups = Math.ceilDiv(rows, PackedPanels.GROUP);
        int width = PANELS * PackedPanels.PANEL;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment tile = arena.allocate(packed.tileBytes(rows), 64);
            MemorySegment sums = arena.allocate(4L * groups * PackedPanels.GROUP * width, 64);
            for (int r = 0; r < rows; r++) {
                packed.packRow(x.segment(), x.offset(firstRow + r), 1, r, tile);
            }
            packed.fill(rows, tile);
            for (int p = 0; p < packed.panels(); p += PANELS) {
                int end = Math.min(packed.panels(), p + PANELS);
                int stride = (end - p) * PackedPanels.PANEL;
                int n = Math.min(stride, packed.outputs() - p * PackedPanels.PANEL);
                packed.multiply(tile, groups, p, end, sums);
                for (int r = 0; r < rows; r++) {
                    long to = out.offset(firstRow + r) + 4L * (firstOutput + p * PackedPanels.PANEL);
                    MemorySegment.copy(sums, 4L * r * stride, out.segment(), to, 4L * n);
                }
            }
        }
    }

    @Override
    public String describe() {
        return (PackedPanels.machine(type) ? "machine code, AVX-512" : "Java Vector API") + ", " + type;
    }
}
