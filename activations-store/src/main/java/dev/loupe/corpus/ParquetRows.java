package dev.loupe.corpus;

import dev.hardwood.InputFile;
import dev.hardwood.metadata.PhysicalType;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqStruct;
import dev.hardwood.schema.ColumnProjection;
import dev.hardwood.schema.ColumnSchema;
import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document.Content;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;

/**
 * Documents of a Parquet file: one a row, the text in a column of strings, its token ids in a column of lists, or a
 * conversation in a column of lists of messages.
 */
final class ParquetRows {
    /** The reader tells about its own SIMD when it starts: nobody asked. Kept, or the level would be forgotten. */
    private static final Logger QUIET = Logger.getLogger("dev.hardwood");

    static {
        QUIET.setLevel(Level.WARNING);
    }

    private ParquetRows() {}

    static Stream<Document> documents(Path file, String name, String field) {
        ParquetFileReader reader = null;
        try {
            reader = ParquetFileReader.open(InputFile.of(file));
            ColumnSchema column = column(file, reader, field);
            String top = column.fieldPath().elements().getFirst();
            boolean list = column.maxRepetitionLevel() > 0;
            RowReader rows = reader.buildRowReader()
                    .projection(ColumnProjection.columns(top))
                    .build();
            AtomicLong number = new AtomicLong();
            ParquetFileReader open = reader;
            return Lines.documents(
                    () -> {
                        while (next(file, rows)) {
                            String called = name + ":" + number.incrementAndGet();
                            if (rows.isNull(top)) {
                                continue;
                            }
                            if (list && column.type() == PhysicalType.BYTE_ARRAY) {
                                return Conversations.document(called, messages(rows.getList(top)));
                            }
                            if (list) {
                                return ids(called, rows.getList(top), column.type() == PhysicalType.INT64);
                            }
                            String text = rows.getString(top);
                            if (!text.isBlank()) {
                                return new Document(called, text);
                            }
                        }
                        return null;
                    },
                    () -> close(file, rows, open));
        } catch (IOException | RuntimeException e) {
            if (reader != null) {
                close(file, () -> {}, reader);
            }
            throw e instanceof LoupeException known ? known : damaged(file, e);
        }
    }

    private static boolean next(Path file, RowReader rows) {
        try {
            if (!rows.hasNext()) {
                return false;
            }
            rows.next();
            return true;
        } catch (RuntimeException e) {
            throw damaged(file, e);
        }
    }

    private static Document ids(String name, PqList list, boolean wide) {
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = wide
                    ? (int) Math.clamp(list.longs().get(i), -1, Integer.MAX_VALUE)
                    : list.ints().get(i);
        }
        return new Document(name, "", Document.UNDETERMINED, 0, new Content.Ids(ids));
    }

    private static List<Map<String, String>> messages(PqList list) {
        List<Map<String, String>> messages = new ArrayList<>();
        for (PqStruct struct : list.structs()) {
            Map<String, String> message = new HashMap<>();
            for (int i = 0; i < struct.getFieldCount(); i++) {
                String key = struct.getFieldName(i);
                if (Conversations.FIELDS.contains(key) && struct.getValue(key) instanceof String value) {
                    message.put(key, value);
                }
            }
            messages.add(message);
        }
        return messages;
    }

    private static ColumnSchema column(Path file, ParquetFileReader reader, String field) {
        List<ColumnSchema> columns = reader.getFileSchema().getColumns();
        List<String> wanted = field.equals(Corpora.DEFAULT_JSON_FIELD)
                ? Stream.concat(Stream.of(field), Corpora.OTHER_FIELDS.stream()).toList()
                : List.of(field);
        for (String name : wanted) {
            for (ColumnSchema column : columns) {
                if (!column.fieldPath().elements().getFirst().equals(name)) {
                    continue;
                }
                boolean text = column.type() == PhysicalType.BYTE_ARRAY && column.maxRepetitionLevel() == 0;
                boolean ids = (column.type() == PhysicalType.INT32 || column.type() == PhysicalType.INT64)
                        && column.maxRepetitionLevel() == 1;
                boolean chat = column.type() == PhysicalType.BYTE_ARRAY
                        && column.maxRepetitionLevel() == 1
                        && List.of("role", "from")
                                .contains(column.fieldPath().elements().getLast());
                if (text || ids || chat) {
                    return column;
                }
            }
        }
        throw new LoupeException(
                "The file " + file + " has no column \"" + field + "\" of texts, token ids or conversations; it has "
                        + columns.stream()
                                .map(c -> c.fieldPath().elements().getFirst())
                                .distinct()
                                .toList()
                        + ": choose the column with --json-field.");
    }

    private static void close(Path file, AutoCloseable rows, ParquetFileReader reader) {
        try {
            rows.close();
            reader.close();
        } catch (Exception e) {
            throw damaged(file, e);
        }
    }

    private static LoupeException damaged(Path file, Exception e) {
        return new LoupeException(
                "The file " + file + " is damaged or no Parquet file that can be read (" + e.getMessage() + ").", e);
    }
}
