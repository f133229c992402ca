package dev.loupe.feature;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.TaskExecutor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The codes of a whole store on disk while its index is built, block by block, each sorted by latent. Encoding is what a
 * pass spends its time on, so a pass that was killed goes on behind the last whole block, and what needs a second look at
 * the codes (exact counts of pairs, rules of labels) reads them here. Little-endian; every block has a checksum.
 */
final class CodeSpool implements AutoCloseable {
    private static final long MAGIC = 0x31_53_45_44_4f_43_4cL; // "LCODES1"
    private static final int HEADER = 40;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final FileChannel channel;
    private final long identity;
    private final int dSae;
    private final int firstNumber;
    private final List<Long> offsets = new ArrayList<>();
    private int restorable;
    private long end;
    private final Arena arena = Arena.ofShared();
    private MemorySegment mapped = MemorySegment.NULL;

    /**
     * Opens the codes of an unfinished pass, or begins new ones.
     *
     * @param identity of SAE and store; codes of another one are thrown away
     */
    CodeSpool(Path file, String identity, int dSae) {
        this(file, identity, dSae, 0);
    }

    /**
     * The same of a part of the blocks.
     *
     * @param firstNumber the number of the first of them
     */
    CodeSpool(Path file, String identity, int dSae, int firstNumber) {
        this.file = file;
        this.identity = HexIdentity.of(identity);
        this.dSae = dSae;
        this.firstNumber = firstNumber;
        try {
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            recover();
            restorable = offsets.size();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /** First 64 bits of a SHA-256. */
    private static final class HexIdentity {
        static long of(String text) {
            String hex = Checksums.sha256(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            return Long.parseUnsignedLong(hex.substring(0, 16), 16);
        }
    }

    /** Finds the whole blocks at the front of the file and cuts off the rest. */
    private void recover() throws IOException {
        long size = channel.size();
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment s = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, confined);
            while (end + HEADER <= size) {
                long entries = s.get(INT, end + 20);
                long bytes = entries < 0 ? -1 : bytes(entries);
                boolean ours = s.get(LONG, end) == MAGIC
                        && s.get(LONG, end + 32) == identity
                        && s.get(INT, end + 24) == dSae
                        && s.get(INT, end + 28) == firstNumber + offsets.size()
                        && bytes > 0
                        && end + bytes <= size;
                if (!ours || s.get(INT, end + bytes - 4) != Checksums.crc32c(s.asSlice(end, bytes - 4))) {
                    break;
                }
                offsets.add(end);
                end += bytes;
            }
        }
        channel.truncate(end);
    }

    private long bytes(long entries) {
        return HEADER + 4L * (dSae + 1) + 8 * entries + 4;
    }

    /** Rows of the store that need not be encoded again. */
    long restorableRows() {
        if (restorable == 0) {
            return 0;
        }
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment s = channel.map(FileChannel.MapMode.READ_ONLY, offsets.get(restorable - 1), HEADER, confined);
            return s.get(LONG, 8) + s.get(INT, 16);
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /** Fills the codes of a block in, if an earlier pass left them; blocks are asked for in order. */
    boolean restore(int number, Block block) {
        if (number >= restorable) {
            return false;
        }
        long at = offsets.get(number);
        long next = number + 1 < offsets.size() ? offsets.get(number + 1) : end;
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment s = channel.map(FileChannel.MapMode.READ_ONLY, at, next - at, confined);
            if (s.get(LONG, 8) != block.firstRow || s.get(INT, 16) != block.rows) {
                restorable = 0; // cut into other blocks
                offsets.subList(number, offsets.size()).clear();
                end = at;
                channel.truncate(end);
                return false;
            }
            int entries = s.get(INT, 20);
            int[] starts = new int[dSae + 1];
            int[] rows = new int[entries];
            float[] values = new float[entries];
            MemorySegment.copy(s, INT, HEADER, starts, 0, starts.length);
            MemorySegment.copy(s, INT, HEADER + 4L * starts.length, rows, 0, entries);
            MemorySegment.copy(s, FLOAT, HEADER + 4L * starts.length + 4L * entries, values, 0, entries);
            block.restore(starts, rows, values);
            return true;
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /** Adds the codes of the next block. */
    void append(Block block) {
        int entries = block.entries();
        long bytes = bytes(entries);
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment s = confined.allocate(bytes);
            s.set(LONG, 0, MAGIC);
            s.set(LONG, 8, block.firstRow);
            s.set(INT, 16, block.rows);
            s.set(INT, 20, entries);
            s.set(INT, 24, dSae);
            s.set(INT, 28, firstNumber + offsets.size());
            s.set(LONG, 32, identity);
            long rows = HEADER + 4L * (dSae + 1);
            MemorySegment.copy(block.starts(), 0, s, INT, HEADER, dSae + 1);
            MemorySegment.copy(block.rows(), 0, s, INT, rows, entries);
            MemorySegment.copy(block.values(), 0, s, FLOAT, rows + 4L * entries, entries);
            s.set(INT, bytes - 4, Checksums.crc32c(s.asSlice(0, bytes - 4)));
            java.nio.ByteBuffer buffer = s.asByteBuffer();
            for (long at = end; buffer.hasRemaining(); ) {
                at += channel.write(buffer, at);
            }
            offsets.add(end);
            end += bytes;
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /** Looks whether a part that another process encoded is whole. */
    static void check(Path part, String identity, int dSae, int firstNumber, int blocks) {
        try (CodeSpool other = new CodeSpool(part, identity, dSae, firstNumber)) {
            if (other.blocks() != blocks) {
                throw new TaskExecutor.Refused("The codes in " + part + " are damaged: " + other.blocks() + " of "
                        + blocks + " blocks have their checksum.");
            }
        }
    }

    /** Forces what was added to disk. */
    void sync() {
        try {
            channel.force(true);
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /**
     * Adds the blocks that another process encoded, after a look at their checksums.
     *
     * @param part holds exactly those that come next
     * @throws LoupeException if a block is missing, damaged, or of another SAE, store or place
     */
    void take(Path part, String identityText, int blocks) {
        int before = offsets.size();
        try (CodeSpool other = new CodeSpool(part, identityText, dSae, firstNumber + before)) {
            if (other.blocks() != blocks) {
                throw new LoupeException("The codes in " + part + " were damaged: run the same command again.");
            }
            channel.position(end);
            for (long at = 0; at < other.end; ) {
                at += other.channel.transferTo(at, other.end - at, channel);
            }
            for (long offset : other.offsets) {
                offsets.add(end + offset);
            }
            end += other.end;
            restorable = offsets.size();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }

    /** Makes all blocks readable, from several threads; nothing is added afterwards. */
    CodeSpool map() {
        try {
            mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, end, arena);
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        return this;
    }

    int blocks() {
        return offsets.size();
    }

    long firstRow(int block) {
        return mapped.get(LONG, offsets.get(block) + 8);
    }

    int rows(int block) {
        return mapped.get(INT, offsets.get(block) + 16);
    }

    /** The first entry of a latent in a block; its last one lies before the start of the next latent. */
    int start(int block, int latent) {
        return mapped.get(INT, offsets.get(block) + HEADER + 4L * latent);
    }

    /** Copies the rows, within the block, of entries. */
    void copyRows(int block, int from, int count, int[] to, int at) {
        long base = offsets.get(block) + HEADER + 4L * (dSae + 1);
        MemorySegment.copy(mapped, INT, base + 4L * from, to, at, count);
    }

    /** Copies the activations of entries. */
    void copyValues(int block, int from, int count, float[] to, int at) {
        long base = offsets.get(block) + HEADER + 4L * (dSae + 1);
        int entries = mapped.get(INT, offsets.get(block) + 20);
        MemorySegment.copy(mapped, FLOAT, base + 4L * entries + 4L * from, to, at, count);
    }

    /** Everything about a latent: rows of the store, ascending, and activations. */
    Firings firings(int latent) {
        int count = 0;
        for (int b = 0; b < blocks(); b++) {
            count += start(b, latent + 1) - start(b, latent);
        }
        int[] local = new int[count];
        long[] rows = new long[count];
        float[] values = new float[count];
        int at = 0;
        for (int b = 0; b < blocks(); b++) {
            int from = start(b, latent);
            int n = start(b, latent + 1) - from;
            copyRows(b, from, n, local, at);
            copyValues(b, from, n, values, at);
            long first = firstRow(b);
            for (int e = at; e < at + n; e++) {
                rows[e] = first + local[e];
            }
            at += n;
        }
        return new Firings(rows, values);
    }

    /** Where a latent fires: rows of the store, ascending, and its activation there. */
    record Firings(long[] rows, float[] values) {}

    /** Gives the file back; its content stays. */
    @Override
    public void close() {
        if (!channel.isOpen()) {
            return;
        }
        arena.close();
        try {
            channel.close();
        } catch (IOException ignored) {
            // nothing is left to be written
        }
    }

    /** Deletes the file: the index is there. */
    void delete() {
        close();
        AtomicFiles.delete(file);
    }
}
