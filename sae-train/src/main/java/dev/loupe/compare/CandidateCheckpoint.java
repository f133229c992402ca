package dev.loupe.compare;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.math.Matrix;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The finished part of a pass over cosines in one file beside the comparison, written every half minute: little-endian,
 * a header, the lists, a CRC32C of it all. It belongs to the very same weights and list length; anything else in its
 * place, or a damaged one, is not used. Deleted once the comparison is saved.
 */
final class CandidateCheckpoint implements CandidateFile {
    private static final long MAGIC = 0x31_53_45_4e_49_53_4f_43L; // "COSINES1"
    private static final int HEADER = 48;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final long weightsA;
    private final long weightsB;
    private final double seconds;
    private long written = System.nanoTime();
    private int resumedFrom;

    /**
     * A checkpoint of two matrices.
     *
     * @param seconds how often it is written
     */
    CandidateCheckpoint(Path file, Matrix a, Matrix b, double seconds) {
        this.file = file;
        this.weightsA = checksum(a);
        this.weightsB = checksum(b);
        this.seconds = seconds;
    }

    private static long checksum(Matrix m) {
        return Integer.toUnsignedLong(Checksums.crc32c(m.segment())) << 20 ^ m.rows() ^ ((long) m.cols() << 52);
    }

    /** The columns that the last pass did not have to do. */
    int resumedFrom() {
        return resumedFrom;
    }

    private long size(TopLists byRow, TopLists byColumn) {
        return HEADER + bytes(byRow) + bytes(byColumn) + 8;
    }

    private static long bytes(TopLists lists) {
        return 4L * lists.lists() + 8L * lists.lists() * lists.capacity();
    }

    @Override
    public int restore(TopLists byRow, TopLists byColumn) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            if (channel.size() != size(byRow, byColumn)) {
                return 0;
            }
            MemorySegment s = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            long end = s.byteSize() - 8;
            int done = s.get(INT, 40);
            boolean ours = s.get(LONG, 0) == MAGIC
                    && s.get(LONG, 8) == weightsA
                    && s.get(LONG, 16) == weightsB
                    && s.get(INT, 24) == byRow.capacity()
                    && s.get(INT, 28) == byRow.lists()
                    && s.get(INT, 32) == byColumn.lists()
                    && s.get(INT, 36) == CosineTiles.BLOCK
                    && done >= 0
                    && done <= byColumn.lists()
                    && s.get(LONG, end) == Integer.toUnsignedLong(Checksums.crc32c(s.asSlice(0, end)));
            if (!ours) {
                return 0;
            }
            read(s, HEADER, byRow);
            read(s, HEADER + bytes(byRow), byColumn);
            resumedFrom = done;
            return done;
        } catch (IOException e) {
            return 0; // none there
        }
    }

    private static void read(MemorySegment s, long at, TopLists lists) {
        int n = lists.lists();
        int values = lists.rawValues().length;
        MemorySegment.copy(s, INT, at, lists.rawSizes(), 0, n);
        MemorySegment.copy(s, INT, at + 4L * n, lists.rawIds(), 0, values);
        MemorySegment.copy(s, FLOAT, at + 4L * n + 4L * values, lists.rawValues(), 0, values);
    }

    @Override
    public void save(TopLists byRow, TopLists byColumn, int columnsDone) {
        if ((System.nanoTime() - written) / 1e9 < seconds) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(size(byRow, byColumn));
            long end = s.byteSize() - 8;
            s.set(LONG, 0, MAGIC);
            s.set(LONG, 8, weightsA);
            s.set(LONG, 16, weightsB);
            s.set(INT, 24, byRow.capacity());
            s.set(INT, 28, byRow.lists());
            s.set(INT, 32, byColumn.lists());
            s.set(INT, 36, CosineTiles.BLOCK);
            s.set(INT, 40, columnsDone);
            write(s, HEADER, byRow);
            write(s, HEADER + bytes(byRow), byColumn);
            s.set(LONG, end, Integer.toUnsignedLong(Checksums.crc32c(s.asSlice(0, end))));
            AtomicFiles.write(file, out -> copy(s, out));
        }
        written = System.nanoTime();
    }

    private static void write(MemorySegment s, long at, TopLists lists) {
        int n = lists.lists();
        int values = lists.rawValues().length;
        MemorySegment.copy(lists.rawSizes(), 0, s, INT, at, n);
        MemorySegment.copy(lists.rawIds(), 0, s, INT, at + 4L * n, values);
        MemorySegment.copy(lists.rawValues(), 0, s, FLOAT, at + 4L * n + 4L * values, values);
    }

    private static void copy(MemorySegment s, OutputStream out) throws IOException {
        byte[] part = new byte[1 << 20];
        for (long at = 0; at < s.byteSize(); at += part.length) {
            int n = (int) Math.min(part.length, s.byteSize() - at);
            ByteBuffer bytes = s.asSlice(at, n).asByteBuffer();
            bytes.get(part, 0, n);
            out.write(part, 0, n);
        }
    }
}
