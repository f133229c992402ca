package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The readable reference of {@link StoredProduct}: three loops over decoded weights, sums in double. */
final class ScalarProduct {
    private ScalarProduct() {}

    static void multiply(MemorySegment x, int rows, StoredMatrix w, @Nullable MemorySegment bias, MemorySegment out) {
        float[][] weights = decoded(w);
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < w.rows(); o++) {
                double sum = bias == null ? 0 : bias.getAtIndex(JAVA_FLOAT_UNALIGNED, o);
                for (int i = 0; i < w.cols(); i++) {
                    sum += (double) x.getAtIndex(JAVA_FLOAT_UNALIGNED, (long) r * w.cols() + i) * weights[o][i];
                }
                out.setAtIndex(JAVA_FLOAT_UNALIGNED, (long) r * w.rows() + o, (float) sum);
            }
        }
    }

    static void multiplyTransposed(MemorySegment g, int rows, StoredMatrix w, MemorySegment out) {
        float[][] weights = decoded(w);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < w.cols(); i++) {
                double sum = 0;
                for (int o = 0; o < w.rows(); o++) {
                    sum += (double) g.getAtIndex(JAVA_FLOAT_UNALIGNED, (long) r * w.rows() + o) * weights[o][i];
                }
                out.setAtIndex(JAVA_FLOAT_UNALIGNED, (long) r * w.cols() + i, (float) sum);
            }
        }
    }

    static float[][] decoded(StoredMatrix w) {
        float[][] rows = new float[w.rows()][w.cols()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment row = arena.allocate(4L * w.cols(), 4);
            for (int r = 0; r < rows.length; r++) {
                w.decode(r, r + 1, row);
                MemorySegment.copy(row, JAVA_FLOAT_UNALIGNED, 0, rows[r], 0, w.cols());
            }
        }
        return rows;
    }
}
