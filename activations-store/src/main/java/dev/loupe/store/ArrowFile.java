package dev.loupe.store;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A mapped Arrow IPC file, read by following Arrow's flatbuffers: no Arrow memory module, no copy, any alignment.
 *
 * <p>Layout (Arrow columnar format, "IPC file format"): {@code "ARROW1" 0 0}, schema message, record batch messages,
 * footer flatbuffer, its length (int32), {@code "ARROW1"}. The footer lists the place of every record batch; a
 * message is {@code 0xFFFFFFFF}, the length of a flatbuffer (int32), the flatbuffer, padding, then the body; the
 * flatbuffer gives the place of every buffer in the body.
 *
 * <p>Everything is checked at open: no offset, length or count of the file is used before it is known to lie inside
 * the file, and buffers are as long as their rows need. Whether the bytes are the ones once written is a matter of
 * checksums ({@link CheckedFile}).
 */
final class ArrowFile {
    private static final byte[] MAGIC = {'A', 'R', 'R', 'O', 'W', '1'};
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int CONTINUATION = -1;
    private static final int LONGEST_METADATA = 1 << 28;

    private final Path path;
    private final MemorySegment file;
    private final int[] rows; // by batch
    private final MemorySegment[] blocks; // by batch: metadata and body
    private final MemorySegment[][] buffers; // by batch and buffer
    private final int[] firstBuffer; // by column

    private ArrowFile(Path path, MemorySegment file, List<ArrowColumn> columns, int batches) {
        this.path = path;
        this.file = file;
        this.rows = new int[batches];
        this.blocks = new MemorySegment[batches];
        this.buffers = new MemorySegment[batches][];
        this.firstBuffer = new int[columns.size()];
    }

    /**
     * Maps a file and checks its structure.
     *
     * @param arena keeps the mapping until it is closed
     * @throws LoupeException in one sentence if the file is missing, cut off, damaged or has other columns
     */
    static ArrowFile open(Path path, Arena arena, List<ArrowColumn> columns) {
        MemorySegment file;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (NoSuchFileException e) {
            throw new LoupeException(
                    "The file " + path + " of an activation store is missing; capture the store again.", e);
        } catch (IOException e) {
            throw new LoupeException("The file " + path + " cannot be read (" + e.getMessage() + ").", e);
        }
        try {
            return parse(path, file, columns);
        } catch (IndexOutOfBoundsException | IllegalArgumentException | ArithmeticException e) {
            // flatbuffers reads through bounds-checked buffers: a wild offset ends here
            throw damaged(path, String.valueOf(e.getMessage()), e);
        }
    }

    private static ArrowFile parse(Path path, MemorySegment file, List<ArrowColumn> columns) {
        long size = file.byteSize();
        require(
                size >= 8 + 4 + MAGIC.length && isMagic(file, 0) && isMagic(file, size - MAGIC.length),
                "it is cut off or no Arrow file");
        int footerLength = file.get(INT, size - MAGIC.length - 4);
        long footerStart = size - MAGIC.length - 4 - footerLength;
        require(footerLength > 0 && footerStart >= 8, "its footer does not fit");
        Footer footer = Footer.getRootAsFooter(buffer(file.asSlice(footerStart, footerLength)));
        checkSchema(footer.schema(), columns);
        require(footer.dictionariesLength() == 0, "it has dictionaries");
        int batches = footer.recordBatchesLength();
        require(batches >= 0 && batches <= size / 16, "it counts " + batches + " record batches");
        ArrowFile result = new ArrowFile(path, file, columns, batches);
        int buffersPerBatch = 0;
        int nodesPerBatch = 0;
        for (int c = 0; c < columns.size(); c++) {
            result.firstBuffer[c] = buffersPerBatch;
            buffersPerBatch += columns.get(c).kind().buffers;
            nodesPerBatch += columns.get(c).kind().nodes;
        }
        long end = 8;
        for (int b = 0; b < batches; b++) {
            Block block = footer.recordBatches(b);
            long body = Math.addExact(block.offset(), block.metaDataLength());
            long blockEnd = Math.addExact(body, block.bodyLength());
            require(
                    block.offset() >= end
                            && block.metaDataLength() > 8
                            && block.bodyLength() >= 0
                            && blockEnd <= footerStart,
                    "record batch " + b + " does not fit");
            result.blocks[b] = file.asSlice(block.offset(), blockEnd - block.offset());
            RecordBatch batch = recordBatch(file, block, b);
            require(
                    batch.nodesLength() == nodesPerBatch && batch.buffersLength() == buffersPerBatch,
                    "record batch " + b + " has other columns");
            MemorySegment[] parts = new MemorySegment[buffersPerBatch];
            for (int i = 0; i < buffersPerBatch; i++) {
                Buffer part = batch.buffers(i);
                require(
                        part.offset() >= 0
                                && part.length() >= 0
                                && Math.addExact(part.offset(), part.length()) <= block.bodyLength(),
                        "buffer " + i + " of record batch " + b + " does not fit");
                parts[i] = file.asSlice(body + part.offset(), part.length());
            }
            result.rows[b] = Math.toIntExact(batch.length());
            require(result.rows[b] > 0, "record batch " + b + " is empty");
            result.buffers[b] = parts;
            checkColumns(batch, columns, parts, result.rows[b], b);
            end = blockEnd;
        }
        return result;
    }

    private static void checkSchema(@Nullable Schema schema, List<ArrowColumn> columns) {
        if (schema == null || schema.endianness() != 0) {
            throw new IllegalArgumentException("its schema is missing or big-endian");
        }
        require(
                schema.fieldsLength() == columns.size(),
                "it has " + schema.fieldsLength() + " columns, not " + columns.size());
        for (int c = 0; c < columns.size(); c++) {
            require(
                    columns.get(c).matches(schema.fields(c)),
                    "column " + c + " is not \"" + columns.get(c).name() + "\" of the expected type");
        }
    }

    private static RecordBatch recordBatch(MemorySegment file, Block block, int b) {
        require(file.get(INT, block.offset()) == CONTINUATION, "record batch " + b + " does not begin where it should");
        int length = file.get(INT, block.offset() + 4);
        require(
                length > 0 && length <= block.metaDataLength() - 8 && length <= LONGEST_METADATA,
                "the metadata of record batch " + b + " do not fit");
        Message message = Message.getRootAsMessage(buffer(file.asSlice(block.offset() + 8, length)));
        require(
                message.headerType() == MessageHeader.RecordBatch && message.bodyLength() == block.bodyLength(),
                "record batch " + b + " is none");
        RecordBatch batch = (RecordBatch) message.header(new RecordBatch());
        if (batch == null || batch.compression() != null) {
            throw new IllegalArgumentException("record batch " + b + " is compressed");
        }
        return batch;
    }

    private static void checkColumns(
            RecordBatch batch, List<ArrowColumn> columns, MemorySegment[] parts, int rows, int b) {
        int node = 0;
        int part = 0;
        for (ArrowColumn column : columns) {
            long items = rows;
            for (int n = 0; n < column.kind().nodes; n++, node++) {
                FieldNode field = batch.nodes(node);
                require(field.nullCount() == 0, "column \"" + column.name() + "\" of record batch " + b + " has nulls");
                require(
                        n > 0 || field.length() == rows,
                        "column \"" + column.name() + "\" of record batch " + b + " has other rows");
                items = n > 0 ? field.length() : items;
            }
            ArrowLengths.check(column, parts, part, rows, items, b);
            part += column.kind().buffers;
        }
    }

    private static ByteBuffer buffer(MemorySegment segment) {
        return segment.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private static boolean isMagic(MemorySegment file, long at) {
        return file.asSlice(at, MAGIC.length).mismatch(MemorySegment.ofArray(MAGIC)) < 0;
    }

    static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    static LoupeException damaged(Path path, String why, Exception e) {
        return new LoupeException(
                "The file " + path + " is damaged (" + why + "); restore it or capture the store again.", e);
    }

    /** Where the file lies. */
    Path path() {
        return path;
    }

    /** Its size. */
    long bytes() {
        return file.byteSize();
    }

    /** How many record batches it has. */
    int batches() {
        return rows.length;
    }

    /** Rows of a record batch. */
    int rows(int batch) {
        return rows[batch];
    }

    /** Metadata and body of a record batch: what its checksum covers. */
    MemorySegment block(int batch) {
        return blocks[batch];
    }

    /** A buffer of a column in a record batch: 0 is validity, the last one data. */
    MemorySegment buffer(int batch, int column, int buffer) {
        return buffers[batch][firstBuffer[column] + buffer];
    }

    /** All bytes outside the record batches, in order: what the frame checksum covers. */
    List<MemorySegment> frame() {
        List<MemorySegment> parts = new ArrayList<>();
        long at = 0;
        for (MemorySegment block : blocks) {
            long start = block.address() - file.address();
            parts.add(file.asSlice(at, start - at));
            at = start + block.byteSize();
        }
        parts.add(file.asSlice(at));
        return parts;
    }
}
