package dev.loupe.store;

import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import java.lang.foreign.MemorySegment;
import java.util.stream.LongStream;

/** {@link RowReader} over mapped files. */
final class MappedRows implements RowReader {
    private static final int PIECE = 128; // rows of a task; many of them balance the threads
    private static final Thread ANOTHER = Thread.ofVirtual().unstarted(() -> {});

    private final Shards shards;
    private final int width;
    private final RowDecoder decoder;
    private final int rowBytes;

    MappedRows(Shards shards, int width, Dtype dtype) {
        this.shards = shards;
        this.width = width;
        this.decoder = RowDecoder.of(dtype);
        this.rowBytes = Math.multiplyExact(width, dtype.bytes());
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public long rows() {
        return shards.rows();
    }

    @Override
    public void gather(long[] rows, int from, int count, Matrix dst) {
        check(count, dst);
        pieces(count, dst.segment(), (first, end) -> gatherPiece(rows, from, first, end, dst.segment()));
    }

    /** A part of a batch. */
    @FunctionalInterface
    interface Piece {
        void fill(int first, int end);
    }

    /** Runs pieces of a batch on all cores, or on this thread alone where no other may write the memory. */
    static void pieces(int count, MemorySegment out, Piece piece) {
        if (out.isAccessibleBy(ANOTHER)) {
            Parallel.run(pieces(count), p -> piece.fill(pieceStart(p), Math.min(count, pieceStart(p + 1))));
        } else {
            piece.fill(0, count);
        }
    }

    /** Pieces of a batch of {@code count} rows. */
    static int pieces(int count) {
        return Math.ceilDiv(count, PIECE);
    }

    /** First row of a piece. */
    static int pieceStart(int piece) {
        return piece * PIECE;
    }

    /** Fills rows {@code [first, end)} of a batch. */
    void gatherPiece(long[] rows, int from, int first, int end, MemorySegment out) {
        MemorySegment[] src = new MemorySegment[4];
        long[] at = new long[4];
        MemorySegment[] nextSrc = new MemorySegment[4];
        long[] nextAt = new long[4];
        int i = first;
        if (i + 4 <= end) {
            find(rows, from + i, src, at);
        }
        for (; i + 4 <= end; i += 4) {
            if (i + 8 <= end) { // found while the copy of these waits for memory
                find(rows, from + i + 4, nextSrc, nextAt);
            }
            decoder.decode4(src, at, out, 4L * i * width, width);
            MemorySegment[] freeSrc = src;
            src = nextSrc;
            nextSrc = freeSrc;
            long[] freeAt = at;
            at = nextAt;
            nextAt = freeAt;
        }
        for (; i < end; i++) {
            Shards.Place place = shards.place(rows[from + i]);
            MemorySegment data = shards.buffer(place, 0, 2);
            decoder.decode(data, (long) place.row() * rowBytes, out, 4L * i * width, width);
        }
    }

    private void find(long[] rows, int from, MemorySegment[] src, long[] at) {
        for (int k = 0; k < 4; k++) {
            shards.find(rows[from + k], rowBytes, k, src, at);
        }
    }

    /** Brings rows into memory in long reads and compares the checksums of record batches not met before. */
    void load(long firstRow, long count) {
        long end = firstRow + count;
        for (long row = firstRow; row < end; ) {
            Shards.Place place = shards.place(row);
            CheckedFile file = shards.file(place.shard());
            long run = Math.min(end - row, file.rows(place.batch()) - place.row());
            file.load(place.batch(), (long) place.row() * rowBytes, run * rowBytes);
            row += run;
        }
    }

    /** The first row of every record batch, and one more entry: the number of all rows. */
    long[] batchStarts() {
        LongStream.Builder starts = LongStream.builder();
        for (int s = 0; s < shards.shards(); s++) {
            long row = shards.firstRow(s);
            for (int b = 0; b < shards.file(s).batches(); b++) {
                starts.add(row);
                row += shards.file(s).rows(b);
            }
        }
        starts.add(rows());
        return starts.build().toArray();
    }

    @Override
    public void read(long firstRow, int count, Matrix dst) {
        check(count, dst);
        MemorySegment out = dst.segment();
        int done = 0;
        while (done < count) {
            Shards.Place place = shards.place(firstRow + done);
            CheckedFile file = shards.file(place.shard());
            int run = Math.min(count - done, file.rows(place.batch()) - place.row());
            MemorySegment data = file.buffer(place.batch(), 0, 2);
            decoder.decode(data, (long) place.row() * rowBytes, out, 4L * done * width, (long) run * width);
            done += run;
        }
    }

    private void check(int count, Matrix dst) {
        if (dst.cols() != width || dst.rows() < count) {
            throw new IllegalArgumentException(
                    "rows of " + width + " floats do not fit a matrix of " + dst.rows() + " x " + dst.cols());
        }
    }
}
