package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document.Content;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.BaseListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.util.Text;
import org.jspecify.annotations.Nullable;

/**
 * Documents of a file of Hugging Face datasets' {@code save_to_disk} (an Arrow IPC stream): one a row, the text in a column
 * of strings, its token ids in a column of lists, as in SAELens' pretokenised datasets, or a conversation in a column of lists
 * of messages.
 */
final class ArrowRows implements AutoCloseable {
    private final Path file;
    private final String name;
    private final String field;
    private static final byte[] FILE = {'A', 'R', 'R', 'O', 'W', '1'};

    private final BufferAllocator allocator;
    private final ArrowStreamReader reader;
    private final InputStream in;
    private @Nullable FieldVector column;
    private int row;
    private int rows;
    private long number;

    private ArrowRows(Path file, String name, String field) throws IOException {
        this.file = file;
        this.name = name;
        this.field = field;
        this.in = new BufferedInputStream(Files.newInputStream(file), 1 << 20);
        this.allocator = new ArrowMemory(Files.size(file));
        in.mark(FILE.length);
        boolean other = Arrays.equals(in.readNBytes(FILE.length), FILE);
        in.reset();
        if (other) {
            in.close();
            throw new LoupeException(
                    "The file " + file + " is an Arrow file, as Feather's; Loupe reads Arrow streams, as"
                            + " save_to_disk of Hugging Face's datasets writes, and Parquet: convert it to Parquet.");
        }
        this.reader = new ArrowStreamReader(in, allocator);
    }

    static Stream<Document> documents(Path file, String name, String field) {
        try {
            ArrowRows all = new ArrowRows(file, name, field);
            return Lines.documents(all::next, all::close);
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    private @Nullable Document next() {
        try {
            while (true) {
                FieldVector values = column;
                if (values == null || row == rows) {
                    if (!reader.loadNextBatch()) {
                        return null;
                    }
                    VectorSchemaRoot root = reader.getVectorSchemaRoot();
                    column = column(root);
                    rows = root.getRowCount();
                    row = 0;
                    continue;
                }
                number++;
                Document document = document(values, row++);
                if (document != null) {
                    return document;
                }
            }
        } catch (
                OutOfMemoryError
                        e) { // one array of the size that a damaged number says; nothing else is short of memory
            throw new LoupeException(
                    "The file " + file + " is damaged, or one of its batches does not fit in memory.", e);
        } catch (IOException
                | IllegalArgumentException
                | IllegalStateException
                | IndexOutOfBoundsException
                | NegativeArraySizeException
                | ArithmeticException
                | UnsupportedOperationException
                | NullPointerException
                | ClassCastException
                | OutOfMemoryException e) { // whatever damaged numbers lead to
            throw new LoupeException(
                    "The file " + file + " is damaged or no Arrow stream (" + e.getMessage() + ").", e);
        }
    }

    private @Nullable Document document(FieldVector values, int at) {
        if (values.isNull(at)) {
            return null;
        }
        String called = name + ":" + number;
        switch (values) {
            case VarCharVector text -> {
                String string = new String(text.get(at), StandardCharsets.UTF_8);
                return string.isBlank() ? null : new Document(called, string);
            }
            case LargeVarCharVector text -> {
                String string = new String(text.get(at), StandardCharsets.UTF_8);
                return string.isBlank() ? null : new Document(called, string);
            }
            case BaseListVector list
            when items(list) instanceof StructVector -> {
                List<Map<String, String>> messages = new ArrayList<>();
                for (Object message : (List<?>) list.getObject(at)) {
                    Map<String, String> strings = new HashMap<>();
                    ((Map<?, ?>) message).forEach((key, value) -> {
                        if (value instanceof Text text) {
                            strings.put(key.toString(), text.toString());
                        }
                    });
                    strings.keySet().retainAll(Conversations.FIELDS);
                    messages.add(strings);
                }
                return Conversations.document(called, messages);
            }
            case BaseListVector list -> {
                BaseIntVector items = (BaseIntVector) items(list);
                int from = list.getElementStartIndex(at);
                int[] ids = new int[list.getElementEndIndex(at) - from];
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = (int) Math.clamp(items.getValueAsLong(from + i), -1, Integer.MAX_VALUE);
                }
                return new Document(called, "", Document.UNDETERMINED, 0, new Content.Ids(ids));
            }
            default -> throw new IllegalArgumentException("the column " + field + " has another type");
        }
    }

    private static FieldVector items(FieldVector list) {
        return list.getChildrenFromFields().getFirst();
    }

    private FieldVector column(VectorSchemaRoot root) {
        List<String> wanted = field.equals(Corpora.DEFAULT_JSON_FIELD)
                ? Stream.concat(Stream.of(field), Corpora.OTHER_FIELDS.stream()).toList()
                : List.of(field);
        for (String one : wanted) {
            FieldVector vector = root.getVector(one);
            boolean text = vector instanceof VarCharVector || vector instanceof LargeVarCharVector;
            boolean ids = vector instanceof BaseListVector && items(vector) instanceof BaseIntVector;
            boolean chat = vector instanceof BaseListVector
                    && items(vector) instanceof StructVector message
                    && (message.getChild("role") != null || message.getChild("from") != null);
            if (vector != null && (text || ids || chat)) {
                return vector;
            }
        }
        throw new LoupeException("The file " + file + " has no column \"" + field
                + "\" of texts, token ids or conversations; it has "
                + root.getFieldVectors().stream().map(ValueVector::getName).toList()
                + ": choose the column with --json-field.");
    }

    @Override
    public void close() {
        try {
            reader.close();
            in.close();
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be closed (" + e.getMessage() + ").", e);
        } finally {
            allocator.close();
        }
    }
}
