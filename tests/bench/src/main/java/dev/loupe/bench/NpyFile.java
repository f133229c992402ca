package dev.loupe.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.IntFunction;

/** Writes NumPy's .npy format 1.0, little endian, C order: what the peers read. */
final class NpyFile {
    private static final int ALIGN = 64;

    private NpyFile() {}

    static void write(Path file, float[][] rows) throws IOException {
        try (FileChannel out = open(file)) {
            out.write(header("<f4", rows.length + ", " + rows[0].length));
            ByteBuffer line = ByteBuffer.allocate(4 * rows[0].length).order(ByteOrder.LITTLE_ENDIAN);
            for (float[] row : rows) {
                line.clear();
                line.asFloatBuffer().put(row);
                write(out, line);
            }
        }
    }

    /** Rows that are made one by one, so that large files need no memory. */
    static void write(Path file, int rows, int width, IntFunction<float[]> row) throws IOException {
        try (FileChannel out = open(file)) {
            out.write(header("<f4", rows + ", " + width));
            ByteBuffer some = ByteBuffer.allocate(4 * width * 256).order(ByteOrder.LITTLE_ENDIAN);
            for (int r = 0; r < rows; r++) {
                some.asFloatBuffer().put(row.apply(r));
                some.position(some.position() + 4 * width);
                if (!some.hasRemaining() || r + 1 == rows) {
                    some.flip();
                    write(out, some);
                    some.clear();
                }
            }
        }
    }

    static void write(Path file, long[] values) throws IOException {
        try (FileChannel out = open(file)) {
            out.write(header("<i8", values.length + ","));
            ByteBuffer all = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
            all.asLongBuffer().put(values);
            write(out, all);
        }
    }

    static void write(Path file, int[][] rows) throws IOException {
        try (FileChannel out = open(file)) {
            out.write(header("<i4", rows.length + ", " + rows[0].length));
            ByteBuffer line = ByteBuffer.allocate(4 * rows[0].length).order(ByteOrder.LITTLE_ENDIAN);
            for (int[] row : rows) {
                line.clear();
                line.asIntBuffer().put(row);
                write(out, line);
            }
        }
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
    }

    private static void write(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    static ByteBuffer header(String type, String shape) {
        String dict = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
        int before = 10;
        int padded = Math.ceilDiv(before + dict.length() + 1, ALIGN) * ALIGN;
        String text = dict + " ".repeat(padded - before - dict.length() - 1) + "\n";
        ByteBuffer bytes = ByteBuffer.allocate(padded).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) 1)
                .put((byte) 0);
        bytes.putShort((short) text.length()).put(text.getBytes(StandardCharsets.US_ASCII));
        return bytes.flip();
    }
}
