package dev.loupe.compare;

import dev.loupe.math.Matrix;
import dev.loupe.math.PackedWeights;
import dev.loupe.math.Parallel;
import java.lang.foreign.Arena;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/**
 * Cosines of all rows of A with a block of rows of B, in tiles that stay in the cache and are never stored. A cosine has
 * the same bits in whatever block it is computed, because the sums run over the width in order.
 */
final class CosineTiles {
    /** Rows of B per block: the packed block stays in the third-level cache at usual widths. */
    static final int BLOCK = 2048;

    private static final int TILE = 96;

    private CosineTiles() {}

    /** Takes tiles, from several threads at once. */
    @FunctionalInterface
    interface Sink<S> {
        /**
         * One tile.
         *
         * @param local what belongs to the calling thread until this returns
         * @param first place of the tile's first row among the chosen rows of A
         * @param rows how many rows it has
         * @param cosines row r begins at {@code r · stride}
         */
        void tile(S local, int first, int rows, float[] cosines, int stride);
    }

    private static final class Scratch<S> {
        final S local;
        float[] plain = new float[0];
        float[] packed = new float[0];
        float[] result = new float[0];
        float[] row = new float[0];

        Scratch(S local) {
            this.local = local;
        }
    }

    /**
     * Computes the cosines of chosen rows of A with the rows {@code from} to {@code to} of B.
     *
     * @param chosen rows of A
     * @return what the threads had for themselves, in no order
     */
    static <S> Iterable<S> block(
            UnitRows a, int[] chosen, UnitRows b, int from, int to, Supplier<S> local, Sink<S> sink) {
        int d = a.width();
        PackedWeights weights = pack(b, from, to);
        ConcurrentLinkedQueue<Scratch<S>> free = new ConcurrentLinkedQueue<>();
        ConcurrentLinkedQueue<S> locals = new ConcurrentLinkedQueue<>();
        Parallel.run(Math.ceilDiv(chosen.length, TILE), t -> {
            Scratch<S> s = free.poll();
            if (s == null) {
                s = new Scratch<>(local.get());
                s.plain = new float[TILE * d];
                s.packed = weights.newTile(TILE);
                s.result = weights.newResult(TILE);
                s.row = new float[d];
                locals.add(s.local);
            }
            int first = t * TILE;
            int rows = Math.min(TILE, chosen.length - first);
            for (int r = 0; r < rows; r++) {
                a.copy(chosen[first + r], s.plain, r * d, s.row);
            }
            weights.packTile(s.plain, 0, d, rows, s.packed);
            weights.multiply(s.packed, rows, s.result);
            sink.tile(s.local, first, rows, s.result, weights.stride());
            free.add(s);
        });
        return locals;
    }

    private static PackedWeights pack(UnitRows b, int from, int to) {
        int d = b.width();
        try (Arena arena = Arena.ofShared()) {
            Matrix block = Matrix.allocate(arena, to - from, d);
            Parallel.run(Math.ceilDiv(to - from, 64), t -> {
                float[] unit = new float[d];
                float[] scratch = new float[d];
                for (int j = t * 64; j < Math.min(to - from, t * 64 + 64); j++) {
                    b.copy(from + j, unit, 0, scratch);
                    block.setRow(j, unit);
                }
            });
            return new PackedWeights(to - from, d).pack(block);
        }
    }

    /** The numbers from 0 to n − 1. */
    static int[] all(int n) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = i;
        }
        return ids;
    }
}
