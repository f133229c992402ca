package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.store.StoreManifest.DataFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.zip.CRC32C;

/** An {@link ArrowFile} with what the manifest promises about it: size, rows and the checksum of every record batch. */
final class CheckedFile {
    private final ArrowFile arrow;
    private final int[] expected;
    private final AtomicIntegerArray verified; // 1 once the batch had its checksum

    private CheckedFile(ArrowFile arrow, int[] expected) {
        this.arrow = arrow;
        this.expected = expected;
        this.verified = new AtomicIntegerArray(expected.length);
    }

    /**
     * Opens a file of a store, checks its structure and the checksum of its frame (schema and footer).
     *
     * @throws LoupeException if the file is missing, cut off, damaged, or not the one of the manifest
     */
    static CheckedFile open(Path folder, DataFile entry, int rows, Arena arena, List<ArrowColumn> columns) {
        Path path = folder.resolve(entry.file());
        ArrowFile arrow = ArrowFile.open(path, arena, columns);
        if (arrow.bytes() != entry.bytes()) {
            throw other(path, "it has " + arrow.bytes() + " bytes, not " + entry.bytes());
        }
        if (arrow.batches() != entry.batchCrc32c().size()) {
            throw other(
                    path,
                    "it has " + arrow.batches() + " record batches, not "
                            + entry.batchCrc32c().size());
        }
        for (int b = 0; b < arrow.batches(); b++) {
            long before = (long) b * entry.batchRows();
            if (arrow.rows(b) != Math.min(entry.batchRows(), rows - before)) {
                throw other(path, "record batch " + b + " has " + arrow.rows(b) + " rows");
            }
        }
        if (!crc(arrow.frame()).equals(entry.frameCrc32c())) {
            throw other(path, "its schema or footer does not have its checksum");
        }
        int[] expected =
                entry.batchCrc32c().stream().mapToInt(HexFormat::fromHexDigits).toArray();
        return new CheckedFile(arrow, expected);
    }

    /** Describes a finished file for the manifest. */
    static DataFile describe(Path folder, String file, int batchRows, List<ArrowColumn> columns) {
        try (Arena arena = Arena.ofConfined()) {
            ArrowFile arrow = ArrowFile.open(folder.resolve(file), arena, columns);
            List<String> batches = new ArrayList<>();
            for (int b = 0; b < arrow.batches(); b++) {
                batches.add(crc(List.of(arrow.block(b))));
            }
            return new DataFile(file, arrow.bytes(), batchRows, crc(arrow.frame()), batches);
        }
    }

    /** A buffer of a record batch whose checksum is right. */
    MemorySegment buffer(int batch, int column, int buffer) {
        if (verified.getOpaque(batch) == 0) { // met unverified, it is only compared once more
            verify(batch);
        }
        return arrow.buffer(batch, column, buffer);
    }

    /** Compares the checksum of a record batch, whether or not that was done before. */
    void verify(int batch) {
        if (!crc(List.of(arrow.block(batch))).equals(HexFormat.of().toHexDigits(expected[batch]))) {
            throw other(arrow.path(), "record batch " + batch + " does not have its checksum");
        }
        verified.set(batch, 1);
    }

    /** Has the kernel read a part of the data of a record batch ahead, in long reads; looks at the checksum on the way. */
    void load(int batch, long from, long bytes) {
        if (verified.get(batch) == 0) {
            arrow.block(batch).load();
            verify(batch);
        } else {
            arrow.buffer(batch, 0, 2).asSlice(from, bytes).load();
        }
    }

    int batches() {
        return expected.length;
    }

    int rows(int batch) {
        return arrow.rows(batch);
    }

    long bytes() {
        return arrow.bytes();
    }

    Path path() {
        return arrow.path();
    }

    private static LoupeException other(Path path, String why) {
        return new LoupeException(
                "The file " + path + " is damaged (" + why + "); restore it or capture the store again.");
    }

    private static String crc(List<MemorySegment> parts) {
        CRC32C crc = new CRC32C();
        for (MemorySegment part : parts) {
            long size = part.byteSize();
            for (long at = 0; at < size; at += 1 << 30) { // a byte buffer ends at 2 GiB
                crc.update(part.asSlice(at, Math.min(1 << 30, size - at)).asByteBuffer());
            }
        }
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }
}
