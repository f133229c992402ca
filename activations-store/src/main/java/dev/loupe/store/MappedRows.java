package dev.loupe.store;

import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;

/** {@link RowReader} over mapped files. */
final class MappedRows implements RowReader {
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
        MemorySegment out = dst.segment();
        for (int i = 0; i < count; i++) {
            Shards.Place place = shards.place(rows[from + i]);
            MemorySegment data = shards.buffer(place, 0, 2);
            decoder.decode(data, (long) place.row() * rowBytes, out, 4L * i * width, width);
        }
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
