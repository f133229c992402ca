package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * Training rows in shuffled batches, addressed by step: the order is a function of the seed alone, so every SAE
 * trained with one seed sees the same rows at the same step, and a resumed training goes on where it stopped. Each
 * epoch is a fresh order of all training rows ({@link Shuffle}); a batch may span two epochs. Held-out rows never appear.
 * Safe to use from several threads.
 */
public final class BatchStream {
    private final RowSet train;
    private final MappedRows reader;
    private final RowOrder order;
    private final int batchRows;

    /**
     * A stream over the training rows of one hook point.
     *
     * @param batchRows rows a batch, at least 1
     * @throws LoupeException if the store has no such hook point or no training row
     */
    public BatchStream(ActivationStore store, String hook, Shuffle shuffle, long seed, int batchRows) {
        if (batchRows < 1) {
            throw new IllegalArgumentException("a batch needs at least one row, not " + batchRows);
        }
        this.reader = store.mapped(hook);
        this.train = store.trainRowIds();
        this.batchRows = batchRows;
        if (train.size() == 0) {
            throw new LoupeException("The activation store " + store.name()
                    + " has no training row: all of its documents are held out; capture more text or hold out less.");
        }
        this.order = switch (shuffle) {
            case FULL -> new FullOrder(train.size(), seed);
            case BLOCK -> new BlockOrder(train, reader.batchStarts(), seed);
        };
    }

    /** A stream in {@link Shuffle#FULL} order. */
    public BatchStream(ActivationStore store, String hook, long seed, int batchRows) {
        this(store, hook, Shuffle.FULL, seed, batchRows);
    }

    /** What {@code loupe.json} says about the order of the data. */
    public String description() {
        return order.description();
    }

    /** Rows a batch. */
    public int batchRows() {
        return batchRows;
    }

    /** Floats a row. */
    public int width() {
        return reader.width();
    }

    /**
     * The batch of a step.
     *
     * @param step from 0
     * @param dst gets the rows; {@code [batchRows, width]}
     * @param rowIds gets their numbers in the store; at least {@code batchRows} long
     */
    public void batch(long step, Matrix dst, long[] rowIds) {
        Pieces pieces = pieces(step, dst, rowIds);
        MappedRows.pieces(batchRows, dst.segment(), pieces);
    }

    /** The batch of a step in pieces that several threads may fill; arguments as for {@link #batch}. */
    Pieces pieces(long step, Matrix dst, long[] rowIds) {
        if (dst.cols() != width() || dst.rows() < batchRows) {
            throw new IllegalArgumentException("a batch of " + batchRows + " x " + width() + " does not fit " + dst);
        }
        return new Pieces(epochs(step), dst.segment(), rowIds);
    }

    /** A batch that is filled piece by piece, in any order. */
    final class Pieces implements MappedRows.Piece {
        private final Epochs epochs;
        private final MemorySegment out;
        private final long[] rowIds;

        private Pieces(Epochs epochs, MemorySegment out, long[] rowIds) {
            this.epochs = epochs;
            this.out = out;
            this.rowIds = rowIds;
        }

        /** How many pieces there are. */
        int count() {
            return MappedRows.pieces(batchRows);
        }

        /** Fills a piece. */
        void fill(int piece) {
            fill(MappedRows.pieceStart(piece), Math.min(batchRows, MappedRows.pieceStart(piece + 1)));
        }

        @Override
        public void fill(int first, int end) {
            epochs.rowIds(first, end, rowIds); // finding a row costs as much as half its copy
            reader.gatherPiece(rowIds, 0, first, end, out);
        }
    }

    /** The row numbers of the batch of a step. */
    public void rowIds(long step, long[] rowIds) {
        epochs(step).rowIds(0, batchRows, rowIds);
    }

    /**
     * Reads ahead what the batches from a step on will need, in long reads, where the order allows it; returns the first
     * step that needs more than was read, or -1 where reading ahead is of no use.
     */
    public long readAhead(long step) {
        if (!(order instanceof BlockOrder blocks)) {
            return -1;
        }
        long size = train.size();
        long first = Math.multiplyExact(step, (long) batchRows);
        BlockOrder.Plan plan = blocks.epoch(first / size);
        int group = plan.group(first % size);
        for (long[] block : plan.blocks(group)) {
            for (long place = block[0]; place < block[1]; ) { // held-out rows may interrupt a block
                long end = Math.min(block[1], train.runEnd(place));
                reader.load(train.get(place), end - place);
                place = end;
            }
        }
        return (first / size * size + plan.end(group) + batchRows - 1) / batchRows;
    }

    private Epochs epochs(long step) {
        long first = Math.multiplyExact(step, (long) batchRows);
        long last = Math.addExact(first, batchRows - 1L);
        RowOrder.Epoch[] parts = new RowOrder.Epoch[Math.toIntExact(last / train.size() - first / train.size()) + 1];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = order.epoch(first / train.size() + i);
        }
        return new Epochs(first, parts);
    }

    /** The epochs that a batch spans. */
    private final class Epochs {
        private final long first;
        private final RowOrder.Epoch[] parts;

        Epochs(long first, RowOrder.Epoch[] parts) {
            this.first = first;
            this.parts = parts;
        }

        void rowIds(int from, int to, long[] rowIds) {
            long size = train.size();
            for (int i = from; i < to; i++) {
                long at = first + i;
                rowIds[i] = train.get(parts[(int) (at / size - first / size)].at(at % size));
            }
        }
    }
}
