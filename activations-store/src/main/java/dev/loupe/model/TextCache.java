package dev.loupe.model;

/**
 * Rotated keys and values of the texts that are being written, by row. Rows are filled from position 0 on and need not be
 * equally long; what lies behind a row's length is finite, and attention masks it. Used by one thread.
 */
interface TextCache extends KeysAndValues, AutoCloseable {
    /** Rows there is room for. */
    int rows();

    /** Positions there is room for in each row. */
    int positions();

    /** Positions of a row that are filled. */
    int length(int row);

    /** Makes room for so many rows of so many positions; what is there stays. */
    void reserve(int rows, int wanted);

    /** The rows of the next pass begin at this one. */
    void at(int row);

    /** Says that a pass is over. */
    void advance(Pass pass);

    /** Moves one row over another, whose text has ended. */
    void move(int from, int to);

    /** Forgets a row. Its numbers go too: a NaN among them would reach the next text through a weight of 0. */
    void clear(int row);

    /** Frees everything; the cache may be used again. */
    @Override
    void close();
}
