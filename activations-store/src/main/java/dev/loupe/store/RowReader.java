package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;

/**
 * Rows of one hook point as float32, whatever the file holds. Safe to use from several threads at once.
 *
 * <p>The checksum of a record batch is compared when it is first touched.
 */
public interface RowReader {
    /** Floats a row. */
    int width();

    /** Rows of the store. */
    long rows();

    /**
     * Copies chosen rows.
     *
     * @param rows row numbers, any order, repeats allowed
     * @param from first entry of {@code rows} to take
     * @param count how many to take
     * @param dst gets them as its rows 0 to {@code count - 1}; {@code width()} columns
     * @throws LoupeException if a record batch does not have its checksum
     */
    void gather(long[] rows, int from, int count, Matrix dst);

    /**
     * Copies rows that lie together.
     *
     * @param dst gets them as its rows 0 to {@code count - 1}
     * @throws LoupeException if a record batch does not have its checksum
     */
    void read(long firstRow, int count, Matrix dst);
}
