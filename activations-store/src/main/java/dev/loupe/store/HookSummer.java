package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.store.MassiveActivations.Part;
import java.util.function.IntPredicate;

/**
 * Sums the rows of a shard for the statistics, in pieces of a fixed size on all cores: pieces are added in order, so
 * neither the number of threads nor that of shards kept changes a digit.
 */
final class HookSummer {
    private static final int PIECE = 4096;
    private static final int MEDIAN_EVERY = 16;
    private static final int ABS_DROPPED = 15; // classes of |a| of a relative width of 1/256

    private final ShardBuffer buffer;
    private final Matrix matrix;
    private final String hook;
    private final IntPredicate heldOut;
    private final long firstRow;

    private HookSummer(ShardBuffer buffer, String hook, IntPredicate heldOut, long firstRow) {
        this.buffer = buffer;
        this.matrix = buffer.activations(hook);
        this.hook = hook;
        this.heldOut = heldOut;
        this.firstRow = firstRow;
    }

    /**
     * Sums the training rows.
     *
     * @param heldOut whether a row of the buffer is held out
     * @param firstRow the number that the buffer's first row will have in the store
     * @throws LoupeException if a value of any row is not a finite number
     */
    static HookSums sum(ShardBuffer buffer, String hook, IntPredicate heldOut, long firstRow) {
        return new HookSummer(buffer, hook, heldOut, firstRow).sum();
    }

    private HookSums sum() {
        int pieces = Math.ceilDiv(buffer.rows(), PIECE);
        Piece[] all = new Piece[pieces];
        Parallel.run(pieces, p -> all[p] = piece(p));
        HookSums total = HookSums.zero(matrix.cols());
        long[] classes = new long[1 << (31 - ABS_DROPPED)];
        double max = 0;
        for (Piece piece : all) {
            total = total.plus(piece.sums);
            max = Math.max(max, piece.maxAbs);
            for (int i = 0; i < classes.length; i++) {
                classes[i] += piece.classes[i];
            }
        }
        double median = median(classes);
        MassiveActivations.Builder massive = new MassiveActivations.Builder(median);
        if (max >= MassiveActivations.Builder.threshold(median)) {
            addMassive(massive);
        }
        Part part = massive.build(total.rows(), median, max);
        return new HookSums(
                total.rows(),
                total.sum(),
                total.sumOfSquares(),
                total.squares(),
                total.norms(),
                total.histogram(),
                part);
    }

    private record Piece(HookSums sums, int[] classes, double maxAbs) {}

    private Piece piece(int p) {
        int width = matrix.cols();
        float[] row = new float[width];
        double[] sum = new double[width];
        double[] sumOfSquares = new double[width];
        double[] rowNorms = new double[PIECE];
        int[] classes = new int[1 << (31 - ABS_DROPPED)];
        double squares = 0;
        double norms = 0;
        float max = 0;
        int rows = 0;
        int end = Math.min(buffer.rows(), (p + 1) * PIECE);
        for (int r = p * PIECE; r < end; r++) {
            matrix.copyRow(r, row);
            double square = squaredNorm(row);
            if (!Double.isFinite(square)) {
                throw notFinite();
            }
            if (heldOut.test(r)) {
                continue;
            }
            add(row, sum, sumOfSquares);
            max = Math.max(max, maxAbs(row));
            if (r % MEDIAN_EVERY == 0) {
                for (float x : row) {
                    classes[(Float.floatToRawIntBits(x) & 0x7fff_ffff) >>> ABS_DROPPED]++;
                }
            }
            squares += square;
            rowNorms[rows] = Math.sqrt(square);
            norms += rowNorms[rows++];
        }
        NormHistogram histogram = NormHistogram.of(rowNorms, 0, rows);
        return new Piece(new HookSums(rows, sum, sumOfSquares, squares, norms, histogram, Part.NONE), classes, max);
    }

    private static void add(float[] row, double[] sum, double[] sumOfSquares) {
        for (int i = 0; i < row.length; i++) {
            double x = row[i];
            sum[i] += x;
            sumOfSquares[i] += x * x;
        }
    }

    /** Four running sums, added in one order on every machine: independent additions do not wait for each other. */
    private static double squaredNorm(float[] row) {
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = 0;
        for (; i + 4 <= row.length; i += 4) {
            a += (double) row[i] * row[i];
            b += (double) row[i + 1] * row[i + 1];
            c += (double) row[i + 2] * row[i + 2];
            d += (double) row[i + 3] * row[i + 3];
        }
        for (; i < row.length; i++) {
            a += (double) row[i] * row[i];
        }
        return (a + b) + (c + d);
    }

    private static float maxAbs(float[] row) {
        float max = 0;
        for (float x : row) {
            max = Math.max(max, Math.abs(x));
        }
        return max;
    }

    private void addMassive(MassiveActivations.Builder massive) {
        float[] row = new float[matrix.cols()];
        for (int r = 0; r < buffer.rows(); r++) {
            if (!heldOut.test(r)) {
                matrix.copyRow(r, row);
                massive.add(row, buffer.tokenId[r], buffer.position[r], firstRow + r);
            }
        }
    }

    private static double median(long[] classes) {
        long all = 0;
        for (long count : classes) {
            all += count;
        }
        if (all == 0) {
            return 0;
        }
        long before = 0;
        int i = 0;
        while (before + classes[i] <= (all - 1) / 2) {
            before += classes[i++];
        }
        double low = Float.intBitsToFloat(i << ABS_DROPPED);
        double high = Float.intBitsToFloat((i + 1) << ABS_DROPPED);
        return (low + high) / 2;
    }

    private LoupeException notFinite() {
        return new LoupeException("The activations at " + hook
                + " are not all finite numbers; the model's weights or its dtype are at fault, nothing was written.");
    }
}
