package dev.loupe.store;

import dev.loupe.math.Parallel;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Shard;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.ToIntFunction;

/** One table of a store: the files of all shards, seen as one run of rows. */
final class Shards {
    /** Where a row lies: which shard, which record batch in it, which row of that. */
    record Place(int shard, int batch, int row) {}

    private final CheckedFile[] files;
    private final long[] firstRow; // by shard; one more entry: all rows
    private final int[] batchRows;
    private long shardRows; // of every shard but the last; 0 if they differ

    private Shards(int shards) {
        this.files = new CheckedFile[shards];
        this.firstRow = new long[shards + 1];
        this.batchRows = new int[shards];
    }

    static Shards open(
            Path folder,
            List<Shard> shards,
            String key,
            ToIntFunction<Shard> rows,
            Arena arena,
            List<ArrowColumn> columns) {
        Shards result = new Shards(shards.size());
        for (int s = 0; s < shards.size(); s++) {
            result.firstRow[s + 1] = result.firstRow[s] + rows.applyAsInt(shards.get(s));
        }
        result.shardRows = shardRows(result.firstRow);
        Parallel.run(shards.size(), s -> {
            DataFile entry = Objects.requireNonNull(shards.get(s).files().get(key));
            int count = rows.applyAsInt(shards.get(s));
            result.files[s] = CheckedFile.open(folder, entry, count, arena, columns);
            result.batchRows[s] = entry.batchRows();
        });
        return result;
    }

    private static long shardRows(long[] firstRow) {
        int last = firstRow.length - 2;
        long rows = last < 0 ? 0 : firstRow[1];
        for (int s = 0; s < last; s++) {
            if (firstRow[s + 1] - firstRow[s] != rows) {
                return 0;
            }
        }
        return last < 0 || firstRow[last + 1] - firstRow[last] > rows ? 0 : rows;
    }

    long rows() {
        return firstRow[firstRow.length - 1];
    }

    int shards() {
        return files.length;
    }

    CheckedFile file(int shard) {
        return files[shard];
    }

    /** The first row of a shard; the number of all rows for the shard behind the last. */
    long firstRow(int shard) {
        return firstRow[shard];
    }

    int batchRows(int shard) {
        return batchRows[shard];
    }

    /** The shard of a row. */
    int shard(long row) {
        if (row < 0 || row >= rows()) {
            throw new IndexOutOfBoundsException("row " + row + " of " + rows());
        }
        if (shardRows > 0) {
            return (int) (row / shardRows);
        }
        int at = Arrays.binarySearch(firstRow, row);
        return at >= 0 ? at : -at - 2;
    }

    Place place(long row) {
        int shard = shard(row);
        int local = (int) (row - firstRow[shard]);
        return new Place(shard, local / batchRows[shard], local % batchRows[shard]);
    }

    /** Where a row of fixed size lies: the buffer to {@code src[at]}, the byte in it to {@code offsets[at]}. */
    void find(long row, int rowBytes, int at, MemorySegment[] src, long[] offsets) {
        int shard = shard(row);
        int local = (int) (row - firstRow[shard]);
        int rows = batchRows[shard];
        int batch = local / rows;
        src[at] = files[shard].buffer(batch, 0, 2);
        offsets[at] = (long) (local - batch * rows) * rowBytes;
    }

    MemorySegment buffer(Place place, int column, int buffer) {
        return files[place.shard()].buffer(place.batch(), column, buffer);
    }

    /** A value of a 32-bit column. */
    int intAt(long row, int column) {
        Place place = place(row);
        return buffer(place, column, 1).get(ArrowLengths.INT, 4L * place.row());
    }
}
