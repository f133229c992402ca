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
 */
final class EncoderPanels {
    private static final double NORM = 45_000;
    private static final double LARGEST = 32_000;

    private final Matrix encoderRows;
    private final float[] units;
    final PackedPanels panels;
    final PanelType type;

    EncoderPanels(Arena arena, PanelType type, Matrix encoderRows) {
        this.encoderRows = encoderRows;
        this.type = type;
        panels = new PackedPanels(arena, type, (int) encoderRows.rows(), encoderRows.cols());
        units = new float[panels.panels() * PackedPanels.PANEL];
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
        float scale = 1;
        if (type == PanelType.INT16) {
            scale = scale(encoderRows.segment(), at, encoderRows.cols());
            units[latent] = 1 / scale;
        }
        panels.setRow(latent, encoderRows.segment(), at, scale);
    }

    /** What a row is multiplied by before it is rounded to integers. */
    static float scale(MemorySegment row, long at, int n) {
        double norm = Math.sqrt(VectorOps.sumSquares(row, at, n));
        double largest = VectorOps.largest(row, at, n);
        return (float) Math.min(1e30, Math.min(NORM / norm, LARGEST / largest));
    }

    /** For each latent, what one unit of its integers is worth. */
    float[] units() {
        return units;
    }

    /** How far a sum can be from the one of exact rows, in its own units; 0 where that is not asked for. */
    float margin() {
        return type == PanelType.INT16 ? (float) (0.51 * 2 * NORM * Math.sqrt(encoderRows.cols())) : 0;
    }
}
