package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.corpus.ArrowMemory;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.BaseListVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * Activations cached by SAELens: a dataset of Hugging Face, one row a sequence, a column of lists of lists of numbers named
 * after the hook point and a column {@code token_ids}, in Arrow IPC streams {@code data-NNNNN-of-NNNNN.arrow}.
 */
final class SaeLensSource implements ImportSource {
    private static final String TOKENS = "token_ids";

    private final Path folder;
    private final Iterator<Path> files;
    private final int fileCount;
    private final String hook;
    private final int width;
    private final BufferAllocator allocator;
    private @Nullable ArrowStreamReader reader;
    private @Nullable InputStream in;
    private Path file;
    private int row;
    private int rows;

    private SaeLensSource(Path folder, List<Path> files, String hook, int width) throws IOException {
        this.folder = folder;
        this.file = folder;
        this.files = files.iterator();
        this.fileCount = files.size();
        this.hook = hook;
        this.width = width;
        long largest = 0;
        for (Path f : files) {
            largest = Math.max(largest, Files.size(f));
        }
        this.allocator = new ArrowMemory(largest);
    }

    /** Whether a folder looks like a dataset saved to disk. */
    static boolean is(Path folder) {
        return Files.isRegularFile(folder.resolve("dataset_info.json"))
                || Files.isRegularFile(folder.resolve("state.json"));
    }

    /**
     * Opens a dataset.
     *
     * @param hook which column; empty if there is only one
     */
    static SaeLensSource open(Path folder, String hook) {
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.filter(f -> f.getFileName().toString().startsWith("data-")
                            && f.getFileName().toString().endsWith(".arrow"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The folder " + folder + " cannot be read (" + e.getMessage() + ").", e);
        }
        if (files.isEmpty()) {
            throw new LoupeException("The folder " + folder + " holds no data-*.arrow of cached activations.");
        }
        try (BufferAllocator allocator = new ArrowMemory(Files.size(files.getFirst()));
                InputStream in = new BufferedInputStream(Files.newInputStream(files.getFirst()));
                ArrowStreamReader reader = new ArrowStreamReader(in, allocator)) {
            reader.loadNextBatch();
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            List<String> columns = root.getFieldVectors().stream()
                    .filter(v -> floats(v) != null)
                    .map(ValueVector::getName)
                    .toList();
            String chosen = hook.isEmpty() && columns.size() == 1 ? columns.getFirst() : hook;
            if (!columns.contains(chosen)) {
                throw new LoupeException(
                        "The cached activations in " + folder + " are of " + columns + ": choose one with --hook.");
            }
            BaseListVector outer = (BaseListVector) root.getVector(chosen);
            BaseListVector inner =
                    (BaseListVector) outer.getChildrenFromFields().getFirst();
            int width = inner.getElementEndIndex(0) - inner.getElementStartIndex(0);
            FieldVector data = floats(outer);
            if (width < 1 || data == null || 2L * width > data.getDataBuffer().capacity()) {
                throw new IllegalArgumentException("its first row is of width " + width);
            }
            return new SaeLensSource(folder, files, chosen, width);
        } catch (LoupeException e) {
            throw e;
        } catch (IOException | RuntimeException | OutOfMemoryError e) { // whatever damaged numbers lead to
            throw damaged(files.getFirst(), e);
        }
    }

    private static LoupeException damaged(Path file, Throwable e) {
        return new LoupeException("The file " + file + " is damaged or no Arrow stream (" + e.getMessage() + ").", e);
    }

    /** The numbers of a column of lists of lists, or null if it is something else. */
    private static @Nullable FieldVector floats(FieldVector column) {
        if (column instanceof BaseListVector outer
                && outer.getChildrenFromFields().getFirst() instanceof BaseListVector inner) {
            FieldVector data = inner.getChildrenFromFields().getFirst();
            return data instanceof Float4Vector || data instanceof Float2Vector ? data : null;
        }
        return null;
    }

    @Override
    public String describe() {
        return "activations cached by SAELens in " + folder.getFileName() + ", " + fileCount + " files";
    }

    @Override
    public String hook() {
        return hook;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public @Nullable Item next() {
        try {
            while (reader == null || row == rows) {
                if (reader != null && reader.loadNextBatch()) {
                    row = 0;
                    rows = reader.getVectorSchemaRoot().getRowCount();
                    continue;
                }
                closeFile();
                if (!files.hasNext()) {
                    return null;
                }
                file = files.next();
                in = new BufferedInputStream(Files.newInputStream(file), 1 << 20);
                reader = new ArrowStreamReader(in, allocator);
                row = 0;
                rows = 0;
            }
            return item(reader.getVectorSchemaRoot(), row++);
        } catch (IOException | RuntimeException | OutOfMemoryError e) { // whatever damaged numbers lead to
            throw damaged(file, e);
        }
    }

    private Item item(VectorSchemaRoot root, int at) {
        FieldVector column = root.getVector(hook);
        FieldVector data = column == null ? null : floats(column);
        if (data == null) {
            throw new IllegalArgumentException("it has no column " + hook + " of numbers");
        }
        BaseListVector outer = (BaseListVector) column;
        BaseListVector inner = (BaseListVector) outer.getChildrenFromFields().getFirst();
        int first = outer.getElementStartIndex(at);
        int count = outer.getElementEndIndex(at) - first;
        int from = inner.getElementStartIndex(first);
        int bytes = data instanceof Float4Vector ? 4 : 2;
        long values = (long) count * width;
        if (count < 1
                || from < 0
                || inner.getElementEndIndex(first + count - 1) - from != values
                || bytes * (from + values) > data.getDataBuffer().capacity()) {
            throw new IllegalArgumentException("row " + at + " is not of width " + width);
        }
        int[] tokens = new int[count];
        Arrays.fill(tokens, NO_TOKEN);
        if (root.getVector(TOKENS) instanceof BaseListVector ids
                && ids.getChildrenFromFields().getFirst() instanceof IntVector known) {
            int start = ids.getElementStartIndex(at);
            for (int i = 0; i < Math.min(count, ids.getElementEndIndex(at) - start); i++) {
                tokens[i] = known.get(start + i);
            }
        }
        int n = (int) values;
        return new Item(tokens, (target, row) -> {
            ArrowBuf buffer = data.getDataBuffer();
            MemorySegment src = MemorySegment.ofBuffer(
                    buffer.nioBuffer((long) bytes * from, bytes * n).order(ByteOrder.LITTLE_ENDIAN));
            long to = target.offset(row);
            if (bytes == 4) {
                MemorySegment.copy(src, 0, target.segment(), to, 4L * n);
                return;
            }
            for (int i = 0; i < n; i++) {
                float x = Float.float16ToFloat(
                        src.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 2L * i));
                target.segment().set(ValueLayout.JAVA_FLOAT, to + 4L * i, x);
            }
        });
    }

    private void closeFile() throws IOException {
        if (reader != null) {
            reader.close();
            reader = null;
        }
        if (in != null) {
            in.close();
            in = null;
        }
    }

    @Override
    public void close() {
        try {
            closeFile();
        } catch (IOException e) {
            throw new LoupeException("The files in " + folder + " cannot be closed (" + e.getMessage() + ").", e);
        } finally {
            allocator.close();
        }
    }
}
