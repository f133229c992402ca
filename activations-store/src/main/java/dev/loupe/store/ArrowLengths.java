package dev.loupe.store;

import static dev.loupe.store.ArrowFile.require;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Are the buffers of a record batch as long as its rows need, and do its offsets stay inside? */
final class ArrowLengths {
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private ArrowLengths() {}

    /**
     * Checks one column.
     *
     * @param first the column's first buffer among {@code parts}
     * @param items length of the innermost node
     */
    static void check(ArrowColumn column, MemorySegment[] parts, int first, int rows, long items, int batch) {
        String where = "column \"" + column.name() + "\" of record batch " + batch;
        long data = parts[first + column.kind().buffers - 1].byteSize();
        long needed = switch (column.kind()) {
            case INT32 -> 4L * rows;
            case INT64, FLOAT64 -> 8L * rows;
            case BOOL -> (rows + 7L) / 8;
            case VECTOR -> {
                Dtype dtype = column.dtype();
                require(dtype != null && items == (long) rows * column.width(), where + " has another width");
                yield items * (dtype == null ? 0 : dtype.bytes());
            }
            case UTF8 -> lastOffset(parts[first + 1], rows, where);
            case INT32_LIST -> {
                long last = lastOffset(parts[first + 1], rows, where);
                require(last <= items, where + " has too few items");
                yield 4 * last;
            }
        };
        require(data >= needed, where + " is cut off");
    }

    /** Checks that offsets start at 0 or later and never go back; gives the last. */
    private static long lastOffset(MemorySegment offsets, int rows, String where) {
        require(offsets.byteSize() >= 4L * (rows + 1L), where + " is cut off");
        int last = 0;
        for (int i = 0; i <= rows; i++) {
            int offset = offsets.get(INT, 4L * i);
            require(offset >= last, where + " has offsets that go back");
            last = offset;
        }
        return last;
    }
}
