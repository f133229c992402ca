package dev.loupe.diagnose;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** A result's table as an Arrow IPC file. */
final class TableFile {
    private static final String MEANING = "meaning";

    private TableFile() {}

    /** Writes a table into a folder that is not published yet; gives the CRC32C of the file, hexadecimal. */
    static String write(Path file, ResultTable table) {
        Schema schema =
                new Schema(table.columns().stream().map(TableFile::field).toList());
        try (RootAllocator allocator = new RootAllocator();
                VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
                FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                ArrowFileWriter writer = new ArrowFileWriter(root, null, channel)) {
            root.getFieldVectors().forEach(FieldVector::allocateNew);
            int r = 0;
            for (Object[] row : table.rows()) {
                for (int c = 0; c < row.length; c++) {
                    switch (root.getVector(c)) {
                        case BigIntVector v -> v.setSafe(r, (Long) row[c]);
                        case Float8Vector v -> v.setSafe(r, (Double) row[c]);
                        case VarCharVector v -> v.setSafe(r, ((String) row[c]).getBytes(StandardCharsets.UTF_8));
                        default -> throw new IllegalStateException("a column of another kind");
                    }
                }
                r++;
            }
            root.setRowCount(r);
            writer.start();
            writer.writeBatch();
            writer.end();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        return checksum(file);
    }

    /** Reads a table after comparing its checksum. */
    static ResultTable read(Path file, List<ResultTable.Column> columns, String crc32c) {
        if (!checksum(file).equals(crc32c)) {
            throw damaged(file, "it does not have its checksum", null);
        }
        ResultTable table = new ResultTable(columns);
        try (RootAllocator allocator = new RootAllocator();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            if (!root.getSchema()
                    .getFields()
                    .equals(columns.stream().map(TableFile::field).toList())) {
                throw damaged(file, "it has other columns", null);
            }
            while (reader.loadNextBatch()) {
                for (int r = 0; r < root.getRowCount(); r++) {
                    Object[] row = new Object[columns.size()];
                    for (int c = 0; c < row.length; c++) {
                        row[c] = switch (root.getVector(c)) {
                            case BigIntVector v -> v.get(r);
                            case Float8Vector v -> v.get(r);
                            case VarCharVector v -> new String(v.get(r), StandardCharsets.UTF_8);
                            default -> throw damaged(file, "a column is of another kind", null);
                        };
                    }
                    table.row(row);
                }
            }
        } catch (IOException | IndexOutOfBoundsException e) {
            throw damaged(file, String.valueOf(e.getMessage()), e);
        }
        return table;
    }

    private static Field field(ResultTable.Column column) {
        ArrowType type = switch (column.kind()) {
            case WHOLE -> new ArrowType.Int(64, true);
            case NUMBER -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
            case TEXT -> new ArrowType.Utf8();
        };
        return new Field(column.name(), new FieldType(false, type, null, Map.of(MEANING, column.meaning())), null);
    }

    private static String checksum(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                Arena arena = Arena.ofConfined()) {
            return HexFormat.of()
                    .toHexDigits(
                            Checksums.crc32c(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena)));
        } catch (IOException e) {
            throw damaged(file, String.valueOf(e.getMessage()), e);
        }
    }

    private static LoupeException damaged(Path file, String why, @org.jspecify.annotations.Nullable Exception cause) {
        String sentence = "The table " + file + " of a diagnostic is damaged (" + why + "): run the diagnostic again.";
        return cause == null ? new LoupeException(sentence) : new LoupeException(sentence, cause);
    }
}
