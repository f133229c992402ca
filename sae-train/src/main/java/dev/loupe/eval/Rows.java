package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.store.RowReader;
import dev.loupe.store.RowSet;
import java.lang.foreign.Arena;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Chosen rows of a hook point, block by block, as often as needed. */
final class Rows {
    private static final int BLOCK = 4096;

    private final RowReader reader;
    private final RowSet set;
    private final long count;

    /**
     * @param most how many rows at most, spread evenly over the set; 0 for all
     */
    Rows(RowReader reader, RowSet set, long most) {
        this.reader = reader;
        this.set = set;
        this.count = most == 0 ? set.size() : Math.min(most, set.size());
    }

    long count() {
        return count;
    }

    int width() {
        return reader.width();
    }

    /** Reads all of them in order; the matrix is reused for the next block. */
    void forEachBlock(Progress progress, Consumer<Matrix> consumer) {
        try (Arena arena = Arena.ofShared()) {
            Matrix block = Matrix.allocate(arena, Math.min(BLOCK, count), reader.width());
            long[] ids = new long[BLOCK];
            for (long from = 0; from < count; from += BLOCK) {
                progress.check();
                int n = (int) Math.min(BLOCK, count - from);
                choose(from, n, ids);
                Matrix part = block.rows(0, n);
                reader.gather(ids, 0, n, part);
                consumer.accept(part);
                progress.advance(from + n);
            }
        }
    }

    /** Reads the same rows here and at another place in order; both matrices are reused for the next block. */
    void forEachPair(Rows other, Progress progress, BiConsumer<Matrix, Matrix> consumer) {
        if (other == this) {
            forEachBlock(progress, block -> consumer.accept(block, block));
            return;
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix block = Matrix.allocate(arena, Math.min(BLOCK, count), other.width());
            long[] ids = new long[BLOCK];
            long[] from = {0};
            forEachBlock(progress, own -> {
                int n = (int) own.rows();
                choose(from[0], n, ids);
                Matrix part = block.rows(0, n);
                other.reader.gather(ids, 0, n, part);
                consumer.accept(own, part);
                from[0] += n;
            });
        }
    }

    private void choose(long from, int n, long[] ids) {
        for (int i = 0; i < n; i++) {
            ids[i] = set.get(count == set.size() ? from + i : (from + i) * set.size() / count);
        }
    }

    /** Mean per dimension, in double precision. */
    double[] mean(Progress progress) {
        double[] sum = new double[width()];
        float[] row = new float[width()];
        forEachBlock(progress, block -> {
            for (long r = 0; r < block.rows(); r++) {
                block.copyRow(r, row);
                for (int j = 0; j < row.length; j++) {
                    sum[j] += row[j];
                }
            }
        });
        for (int j = 0; j < sum.length; j++) {
            sum[j] /= count;
        }
        return sum;
    }
}
