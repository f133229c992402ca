package dev.loupe.store;

import java.io.ByteArrayOutputStream;

/**
 * Data pages of the Parquet format, version 1, PLAIN values, no compression. Levels are run-length encoded: every list has
 * the same length and nothing is missing, so they are a few bytes a row.
 */
final class ParquetPages {
    private final ByteArrayOutputStream out;

    ParquetPages(int capacity) {
        out = new ByteArrayOutputStream(capacity);
    }

    /** Levels of lists of {@code width} values each: a list begins with repetition 0, all its values are there. */
    void listLevels(int rows, int width) {
        ByteArrayOutputStream repetition = new ByteArrayOutputStream();
        for (int r = 0; r < rows; r++) {
            run(repetition, 1, 0);
            run(repetition, width - 1, 1);
        }
        levels(repetition);
        ByteArrayOutputStream definition = new ByteArrayOutputStream();
        run(definition, rows * width, 1);
        levels(definition);
    }

    private void levels(ByteArrayOutputStream encoded) {
        int32(encoded.size());
        out.writeBytes(encoded.toByteArray());
    }

    private static void run(ByteArrayOutputStream to, int length, int value) {
        if (length == 0) {
            return;
        }
        int header = length << 1;
        while ((header & ~0x7f) != 0) {
            to.write(header & 0x7f | 0x80);
            header >>>= 7;
        }
        to.write(header);
        to.write(value);
    }

    void int32(int value) {
        out.write(value);
        out.write(value >>> 8);
        out.write(value >>> 16);
        out.write(value >>> 24);
    }

    void int64(long value) {
        int32((int) value);
        int32((int) (value >>> 32));
    }

    void bytes(byte[] value) {
        int32(value.length);
        out.writeBytes(value);
    }

    void booleans(boolean[] values) {
        for (int i = 0; i < values.length; i += 8) {
            int bits = 0;
            for (int k = 0; k < 8 && i + k < values.length; k++) {
                bits |= values[i + k] ? 1 << k : 0;
            }
            out.write(bits);
        }
    }

    void raw(byte[] values) {
        out.writeBytes(values);
    }

    byte[] toByteArray() {
        return out.toByteArray();
    }
}
