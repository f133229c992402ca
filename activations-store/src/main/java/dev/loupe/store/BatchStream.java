package dev.loupe.store;

import dev.loupe.math.Matrix;
import dev.loupe.math.Permutation;

/**
 * Training rows in shuffled batches, addressed by step: the order is a function of the seed alone, so every SAE
 * trained with one seed sees the same rows at the same step, and a resumed training goes on where it stopped. Each
 * epoch is a fresh permutation of all training rows; a batch may span two epochs. Held-out rows never appear. Safe to
 * use from several threads.
 */
public final class BatchStream {
    /** What {@code loupe.json} says about the order of the data. */
    public static final String DESCRIPTION =
            "feistel-splitmix64-6/1: permutation of the training rows per (seed, epoch)";

    private final RowSet train;
    private final RowReader reader;
    private final long seed;
    private final int batchRows;

    /**
     * A stream over the training rows of one hook point.
     *
     * @param batchRows rows a batch, at least 1
     * @throws dev.loupe.base.LoupeException if the store has no such hook point or no training row
     */
    public BatchStream(ActivationStore store, String hook, long seed, int batchRows) {
        if (batchRows < 1) {
            throw new IllegalArgumentException("a batch needs at least one row, not " + batchRows);
        }
        this.reader = store.reader(hook);
        this.train = store.trainRowIds();
        this.seed = seed;
        this.batchRows = batchRows;
        if (train.size() == 0) {
            throw new dev.loupe.base.LoupeException("The activation store " + store.name()
                    + " has no training row: all of its documents are held out; capture more text or hold out less.");
        }
    }

    /** Rows a batch. */
    public int batchRows() {
        return batchRows;
    }

    /** Floats a row. */
    public int width() {
        return reader.width();
    }

    /** Training rows, the length of an epoch. */
    public long epochRows() {
        return train.size();
    }

    /**
     * The batch of a step.
     *
     * @param step from 0
     * @param dst gets the rows; {@code [batchRows, width]}
     * @param rowIds gets their numbers in the store; at least {@code batchRows} long
     */
    public void batch(long step, Matrix dst, long[] rowIds) {
        rowIds(step, rowIds);
        reader.gather(rowIds, 0, batchRows, dst);
    }

    /** The row numbers of the batch of a step. */
    public void rowIds(long step, long[] rowIds) {
        long first = Math.multiplyExact(step, (long) batchRows);
        long size = train.size();
        Permutation order = null;
        long epoch = -1;
        for (int i = 0; i < batchRows; i++) {
            long at = first + i;
            if (order == null || at / size != epoch) {
                epoch = at / size;
                order = new Permutation(size, seed, epoch);
            }
            rowIds[i] = train.get(order.at(at % size));
        }
    }
}
