package dev.loupe.kernel;

/** How the numbers of a {@link StoredMatrix} lie in memory: blocks of values of one size. Little endian. */
public enum Storage {
    /** IEEE 754 single precision. */
    FLOAT32(1, 4),
    /** The upper half of a float32. */
    BFLOAT16(1, 2),
    /** ggml's blocks of 32 signed bytes with a scale. */
    Q8_0(32, 34),
    /** ggml's blocks of 32 half bytes with a scale, centred at 8. */
    Q4_0(32, 18),
    /** ggml's blocks of 32 half bytes with a scale and an offset. */
    Q4_1(32, 20);

    private final int values;
    private final int bytes;

    Storage(int values, int bytes) {
        this.values = values;
        this.bytes = bytes;
    }

    /** Values of one block; rows are whole blocks. */
    public int blockValues() {
        return values;
    }

    /** Bytes of one block. */
    public int blockBytes() {
        return bytes;
    }

    /** Bytes of a row of so many values. */
    public long rowBytes(long cols) {
        if (cols % values != 0) {
            throw new IllegalArgumentException(cols + " values are no whole blocks of " + this);
        }
        return cols / values * bytes;
    }
}
