package dev.loupe.engine;

import dev.loupe.kernel.PackedPanels;
import dev.loupe.kernel.PanelType;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The encoder's rows, packed for the dense product, and what its sums mean. Rows are packed anew one by one while Adam has
 * them in the cache.
 *
 * <p>As 16-bit integers rows are scaled so that no sum of products leaves 32 bits: by 45,000 over the norm, or 32,000 over
 * the largest value if that is less. Rounding then moves a row by at most √d/2 in its norm, and the sum of two rows by at
 * most √d/2 · 90,000 (Cauchy–Schwarz), the same for every pair: {@link #margin}. So the product tells for certain which
 * latents cannot be among the chosen ones; the few others are computed in float32. Twice as fast as a product of float32,
 * with its result.
 *
 * <p>As 8-bit integers rows are scaled by 127 over the largest value, which is four times as fast; but the certain bound
 * excludes too little. Roundings of values of many units are evenly spread and have the variance 1/12, so those of x move the
 * product with w by ‖w‖/√12 units of x, those of w by ‖x‖/√12 units of w. Five of either are allowed for, and as much once more
 * for the value that a latent is compared with: one that belongs to the chosen is left out only if independent errors add
 * up to more. Where many values of a row are below one
 * unit, because a few are far larger, errors are not independent, and the certain bound is taken for that row.
 */
final class EncoderPanels {
    private static final double NORM = 45_000;
    private static final double LARGEST = 32_000;
    private static final double LARGEST_BYTE = 127;

    /** Five standard deviations of the rounding of one value. */
    private static final double FIVE = 5 / Math.sqrt(12);

    /** One in so many values below a unit is too many for roundings to be taken as independent of the values. */
    private static final int COARSE = 16;

    private final Matrix encoderRows;
    private final float[] units;
    private final float[] norms;
    private final float[] margins;
    final PackedPanels panels;
    final PanelType type;

    EncoderPanels(Arena arena, PanelType type, Matrix encoderRows) {
        this.encoderRows = encoderRows;
        this.type = type;
        panels = new PackedPanels(arena, type, (int) encoderRows.rows(), encoderRows.cols());
        units = new float[panels.panels() * PackedPanels.PANEL];
        norms = new float[units.length];
        margins = new float[units.length];
    }

    /** Some rows of an encoder, packed, in memory that the garbage collector frees. */
    static EncoderPanels of(PanelType type, Matrix encoderRows, int[] latents) {
        Matrix rows = Matrix.allocate(Arena.ofAuto(), latents.length, encoderRows.cols());
        Parallel.run(Math.ceilDiv(latents.length, PackedPanels.PANEL), p -> {
            for (int c = p * PackedPanels.PANEL; c < Math.min(latents.length, (p + 1) * PackedPanels.PANEL); c++) {
                MemorySegment.copy(
                        encoderRows.segment(),
                        encoderRows.offset(latents[c]),
                        rows.segment(),
                        rows.offset(c),
                        Matrix.BYTES * rows.cols());
            }
        });
        EncoderPanels packed = new EncoderPanels(Arena.ofAuto(), type, rows);
        packed.renew();
        return packed;
    }

    /** Packs all rows. */
    void renew() {
        Parallel.run(panels.panels(), p -> {
            int end = Math.min(panels.outputs(), (p + 1) * PackedPanels.PANEL);
            for (int i = p * PackedPanels.PANEL; i < end; i++) {
                renew(i);
            }
        });
    }

    /** Packs the row of one latent. */
    void renew(int latent) {
        long at = encoderRows.offset(latent);
        float scale = scale(encoderRows.segment(), at, encoderRows.cols());
        if (type.isInteger()) {
            units[latent] = 1 / scale;
            margins[latent] = units[latent];
        }
        if (type == PanelType.INT8) {
            margins[latent] *= reach(coarse(encoderRows.segment(), at, scale));
            norms[latent] = (float) Math.sqrt(VectorOps.sumSquares(encoderRows.segment(), at, encoderRows.cols()));
        }
        panels.setRow(latent, encoderRows.segment(), at, scale);
    }

    /** What a row is multiplied by before it is rounded to integers; 1 where it is not. */
    float scale(MemorySegment row, long at, int n) {
        if (!type.isInteger()) {
            return 1;
        }
        double largest = VectorOps.largest(row, at, n);
        if (type == PanelType.INT8) {
            return (float) Math.min(1e30, LARGEST_BYTE / largest);
        }
        double norm = Math.sqrt(VectorOps.sumSquares(row, at, n));
        return (float) Math.min(1e30, Math.min(NORM / norm, LARGEST / largest));
    }

    /** For each latent, what one unit of its integers is worth. */
    float[] units() {
        return units;
    }

    /** For each latent, the norm of its row (8-bit integers only). */
    float[] norms() {
        return norms;
    }

    /** For each latent, how far its sums can be from those of its exact row, to be multiplied by {@link #perMargin}. */
    float[] margins() {
        return margins;
    }

    /**
     * What of a row multiplies {@link #margins}.
     *
     * @param worth what one unit of the row is worth
     * @param norm of the row
     */
    float perMargin(float worth, float norm) {
        return type == PanelType.INT16 ? (float) (0.51 * 2 * NORM * Math.sqrt(encoderRows.cols())) * worth : norm;
    }

    /** How far the sums of a row can be from those of the exact row, per norm of the latent's; 0 but for 8-bit integers. */
    float perNorm(boolean coarse, float scale) {
        return type == PanelType.INT8 ? reach(coarse) / scale : 0;
    }

    /** Whether many values of a row are below one unit. */
    boolean coarse(MemorySegment row, long at, float scale) {
        int n = encoderRows.cols();
        return type == PanelType.INT8 && COARSE * (long) VectorOps.countBelow(row, at, n, 1 / scale) > n;
    }

    /** How far the roundings of a row can move a product with a row of norm one, in units. */
    private float reach(boolean coarse) {
        return (float) (coarse ? 0.51 * Math.sqrt(encoderRows.cols()) : FIVE);
    }
}
