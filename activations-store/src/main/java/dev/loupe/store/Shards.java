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
        Parallel.run(shards.size(), s -> {
            DataFile entry = Objects.requireNonNull(shards.get(s).files().get(key));
            int count = rows.applyAsInt(shards.get(s));
            result.files[s] = CheckedFile.open(folder, entry, count, arena, columns);
            result.batchRows[s] = entry.batchRows();
        });
        return result;
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
        int at = Arrays.binarySearch(firstRow, row);
        return at >= 0 ? at : -at - 2;
    }

    Place place(long row) {
        int shard = shard(row);
        int local = (int) (row - firstRow[shard]);
        return new Place(shard, local / batchRows[shard], local % batchRows[shard]);
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
