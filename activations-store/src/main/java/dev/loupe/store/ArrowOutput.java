package dev.loupe.store;

import dev.loupe.base.AtomicFiles;
import dev.loupe.store.StoreManifest.DataFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** Writes Arrow files with Arrow's own writer: uncompressed, validity bits set, whole or not at all. */
final class ArrowOutput implements AutoCloseable {
    private final BufferAllocator allocator = new RootAllocator();
    private final Disk disk;

    /** Opens the channel that a file is written through; tests let it fail. */
    @FunctionalInterface
    interface Disk {
        WritableByteChannel open(Path file) throws IOException;

        /** The real one. */
        Disk REAL = file -> Files.newByteChannel(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /** Puts rows {@code [from, from + count)} of a table into the vectors of a record batch. */
    @FunctionalInterface
    interface Filler {
        void fill(VectorSchemaRoot root, int from, int count);
    }

    ArrowOutput(Disk disk) {
        this.disk = disk;
    }

    /** Writes a table and describes it for the manifest. */
    DataFile write(
            Path folder,
            String file,
            List<ArrowColumn> columns,
            Schema schema,
            int rows,
            int batchRows,
            Filler filler) {
        DataFile attempt = attempt(folder, file, columns, schema, rows, batchRows, filler);
        try {
            AtomicFiles.publish(folder.resolve(attempt.file()), folder.resolve(file));
        } catch (IOException e) {
            throw AtomicFiles.failure(folder.resolve(file), e);
        }
        return attempt.named(file);
    }

    /** The same under a name of its own, for whoever gives it the name it is meant for. */
    DataFile attempt(
            Path folder,
            String file,
            List<ArrowColumn> columns,
            Schema schema,
            int rows,
            int batchRows,
            Filler filler) {
        Path target = folder.resolve(file);
        Path temporary = AtomicFiles.temporary(target);
        try {
            Files.createDirectories(temporary.getParent());
            try (WritableByteChannel channel = disk.open(temporary);
                    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
                    ArrowFileWriter writer = new ArrowFileWriter(root, null, channel)) {
                writer.start();
                for (int from = 0; from < rows; from += batchRows) {
                    int count = Math.min(batchRows, rows - from);
                    filler.fill(root, from, count);
                    root.setRowCount(count);
                    writer.writeBatch();
                }
                writer.end();
            }
            AtomicFiles.sync(temporary);
            String name = folder.relativize(temporary).toString().replace('\\', '/');
            return CheckedFile.describe(folder, name, batchRows, columns);
        } catch (IOException | RuntimeException e) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException ignored) {
                // its name says that it is half-written
            }
            if (e instanceof IOException || e.getCause() instanceof IOException) {
                throw AtomicFiles.failure(target, e.getCause() instanceof IOException cause ? cause : e);
            }
            throw (RuntimeException) e;
        }
    }

    /** The schema of an activation file. */
    static Schema activationSchema(int width, Dtype dtype) {
        ArrowType item = switch (dtype) {
            case FLOAT32 -> new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
            case FLOAT16 -> new ArrowType.FloatingPoint(FloatingPointPrecision.HALF);
            case BF16 -> new ArrowType.Int(16, false);
        };
        FieldType list = new FieldType(
                false, new ArrowType.FixedSizeList(width), null, Map.of(ArrowColumn.DTYPE_KEY, dtype.id()));
        return new Schema(
                List.of(new Field("activation", list, List.of(new Field("item", FieldType.notNullable(item), null)))));
    }

    /** Fills the vectors of an activation file from rounded floats, {@code [rows, width]}. */
    static Filler activationFiller(MemorySegment floats, int width, Dtype dtype) {
        return (root, from, count) -> {
            FixedSizeListVector list = (FixedSizeListVector) root.getVector(0);
            BaseFixedWidthVector data = (BaseFixedWidthVector) list.getDataVector();
            int items = Math.multiplyExact(count, width);
            if (data.getValueCapacity() < items || list.getValueCapacity() < count) {
                list.setInitialCapacity(count);
                list.allocateNew();
                data.allocateNew(items);
            }
            long bytes = (long) items * dtype.bytes();
            RowEncoder.encode(dtype, floats, (long) from * width, segment(data.getDataBuffer(), bytes), items);
            setAll(data.getValidityBuffer(), items);
            data.setValueCount(items);
            setAll(list.getValidityBuffer(), count);
            list.setValueCount(count);
        };
    }

    /** Marks values as present: Arrow's readers trust these bits, not the schema. */
    static void setAll(ArrowBuf validity, int values) {
        validity.setOne(0, (values + 7) / 8);
    }

    private static MemorySegment segment(ArrowBuf buffer, long bytes) {
        ByteBuffer view = buffer.nioBuffer(0, Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        return MemorySegment.ofBuffer(view);
    }

    @Override
    public void close() {
        allocator.close();
    }
}
