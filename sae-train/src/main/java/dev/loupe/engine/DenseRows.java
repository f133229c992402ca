package dev.loupe.engine;

import dev.loupe.engine.ForwardTile.Scratch;
import dev.loupe.kernel.PackedColumns;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@link RowPass} for a tile of a step in dense products: reconstructions are a product over all latents, with zeros where
 * none is active; pairs are not collected.
 */
final class DenseRows {
    private final PackedColumns.Tile active;
    private final MemorySegment out;

    DenseRows(PackedColumns decoder, Arena arena) {
        active = decoder.tile(arena, ForwardTile.ROWS);
        out = arena.allocate(4L * ForwardTile.ROWS * decoder.stride(), 64);
    }

    void run(RowPass pass, StepInput s, Scratch q, ForwardTile t) {
        active.clear();
        for (int r = 0; r < t.count; r++) {
            int firing = pass.choose(s, q, t.hits, r);
            for (int c = 0; c < firing; c++) {
                active.add(r, q.ids[c], q.z[c]);
            }
        }
        addProduct(active, out, t.count, s.errors, s.errorAt(0, t.first), s.dOut);
        for (int r = 0; r < t.count; r++) {
            pass.reconstructed(s, 0, t.first + r);
            pass.differentiate(s, t.first + r);
        }
    }

    /** y += x · w for the first rows of x. */
    static void addProduct(PackedColumns.Tile x, MemorySegment out, int count, float[] y, int at, int width) {
        PackedColumns w = x.columns();
        for (int b = 0; b < w.blocks(); b++) {
            if (x.multiply(b, out)) {
                for (int r = 0; r < count; r++) {
                    VectorOps.axpy(1, out, 4L * r * w.stride(), y, at + r * width, width);
                }
            }
        }
    }
}
