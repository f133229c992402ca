package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Live curves as TensorBoard event files, one folder per series. A file is a sequence of TFRecords (length, its checksum,
 * bytes, their checksum; all little-endian) that hold Event messages of TensorFlow's event.proto; only the few fields that
 * scalars need are written. A resumed run adds a file; TensorBoard shows the files of a folder as one run.
 */
public final class TensorBoard implements Progress, AutoCloseable {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private final Path folder;
    private final Map<String, OutputStream> files = new HashMap<>();

    /** Writes below a folder, which is made. */
    public TensorBoard(Path folder) {
        this.folder = folder;
    }

    /** A progress that tells both. */
    public Progress beside(Progress progress) {
        return TeeProgress.of(progress, this);
    }

    @Override
    public void stage(String name, long total, String unit) {}

    @Override
    public void advance(long done) {}

    /** A name is a measure, or SERIES/measure. */
    @Override
    public synchronized void metric(String name, long step, double value) {
        int cut = name.lastIndexOf('/');
        String series = cut < 0 ? "train" : name.substring(0, cut);
        try {
            OutputStream out = file(series);
            out.write(record(scalar(name.substring(cut + 1), step, value)));
            out.flush();
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private OutputStream file(String series) throws IOException {
        OutputStream known = files.get(series);
        if (known != null) {
            return known;
        }
        Path run = folder.resolve(series.replaceAll("[^A-Za-z0-9._-]", "_"));
        Files.createDirectories(run);
        long now = System.currentTimeMillis();
        Path file = run.resolve("events.out.tfevents." + now / 1000 + "."
                + ProcessHandle.current().pid() + ".loupe");
        OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        out.write(record(message(m -> {
            fixed64(m, 1, now / 1000.0);
            bytes(m, 3, "brain.Event:2".getBytes(StandardCharsets.UTF_8));
        })));
        files.put(series, out);
        return out;
    }

    private static byte[] scalar(String tag, long step, double value) {
        byte[] entry = message(m -> {
            bytes(m, 1, tag.getBytes(StandardCharsets.UTF_8));
            key(m, 2, FIXED32);
            m.writeBytes(little(4).putFloat((float) value).array());
        });
        byte[] summary = message(m -> bytes(m, 1, entry));
        return message(m -> {
            fixed64(m, 1, System.currentTimeMillis() / 1000.0);
            key(m, 2, VARINT);
            varint(m, step);
            bytes(m, 5, summary);
        });
    }

    /** A TFRecord. */
    private static byte[] record(byte[] data) {
        byte[] length = little(8).putLong(data.length).array();
        return little(16 + data.length)
                .put(length)
                .putInt(masked(length))
                .put(data)
                .putInt(masked(data))
                .array();
    }

    /** CRC32C, rotated right by 15 bits plus a constant, so that checksums of checksums do not degenerate. */
    private static int masked(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private interface Fields {
        void write(ByteArrayOutputStream out);
    }

    private static byte[] message(Fields fields) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        fields.write(out);
        return out.toByteArray();
    }

    private static void key(ByteArrayOutputStream out, int field, int type) {
        varint(out, (long) field << 3 | type);
    }

    private static void fixed64(ByteArrayOutputStream out, int field, double value) {
        key(out, field, FIXED64);
        out.writeBytes(little(8).putDouble(value).array());
    }

    private static void bytes(ByteArrayOutputStream out, int field, byte[] value) {
        key(out, field, BYTES);
        varint(out, value.length);
        out.writeBytes(value);
    }

    private static void varint(ByteArrayOutputStream out, long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            out.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }

    private LoupeException failure(IOException e) {
        return new LoupeException(
                "The TensorBoard files in " + folder + " cannot be written (" + e.getMessage() + ").", e);
    }

    @Override
    public synchronized void close() {
        for (OutputStream out : files.values()) {
            try {
                out.close();
            } catch (IOException e) {
                throw failure(e);
            }
        }
        files.clear();
    }
}
