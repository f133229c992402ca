package dev.loupe.store;

import java.util.Arrays;

/** A set of row numbers, ascending, kept as runs: the training or held-out rows of a store. */
public final class RowSet {
    private final long[] starts; // first row of each run
    private final long[] before; // rows in all earlier runs; one more entry: the size

    private RowSet(long[] starts, long[] before) {
        this.starts = starts;
        this.before = before;
    }

    /** Collects runs of rows. */
    static final class Builder {
        private long[] starts = new long[16];
        private long[] before = new long[17];
        private int runs;
        private long next = Long.MIN_VALUE;

        /** Adds the rows {@code [from, from + count)}, which lie behind all earlier ones. */
        Builder add(long from, long count) {
            if (count > 0) {
                if (from != next) {
                    if (runs == starts.length) {
                        starts = Arrays.copyOf(starts, 2 * runs);
                        before = Arrays.copyOf(before, 2 * runs + 1);
                    }
                    starts[runs++] = from;
                    before[runs] = before[runs - 1];
                }
                before[runs] += count;
                next = from + count;
            }
            return this;
        }

        RowSet build() {
            return new RowSet(Arrays.copyOf(starts, runs), Arrays.copyOf(before, runs + 1));
        }
    }

    /** How many rows. */
    public long size() {
        return before[before.length - 1];
    }

    /** The row number at a place, {@code 0 <= index < size()}. */
    public long get(long index) {
        if (index < 0 || index >= size()) {
            throw new IndexOutOfBoundsException("row " + index + " of " + size());
        }
        int run = Arrays.binarySearch(before, index);
        run = run >= 0 ? run : -run - 2;
        return starts[run] + (index - before[run]);
    }

    /** The place behind the run of consecutive rows that a place belongs to. */
    public long runEnd(long index) {
        if (index < 0 || index >= size()) {
            throw new IndexOutOfBoundsException("row " + index + " of " + size());
        }
        int run = Arrays.binarySearch(before, index);
        return before[(run >= 0 ? run : -run - 2) + 1];
    }

    /** How many rows of the set are smaller than a row number. */
    public long rank(long row) {
        int run = Arrays.binarySearch(starts, row);
        run = run >= 0 ? run : -run - 2;
        return run < 0 ? 0 : before[run] + Math.min(row - starts[run], before[run + 1] - before[run]);
    }

    /** Whether a row number is in the set. */
    public boolean contains(long row) {
        int run = Arrays.binarySearch(starts, row);
        run = run >= 0 ? run : -run - 2;
        return run >= 0 && row - starts[run] < before[run + 1] - before[run];
    }

    /** All row numbers, ascending; for sets that fit an array. */
    public long[] toArray() {
        long[] rows = new long[Math.toIntExact(size())];
        int at = 0;
        for (int run = 0; run < starts.length; run++) {
            long count = before[run + 1] - before[run];
            for (long i = 0; i < count; i++) {
                rows[at++] = starts[run] + i;
            }
        }
        return rows;
    }
}
