package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A matrix {@code [rows, d]} or {@code [sequences, tokens, d]} of a {@code .npy} or {@code .safetensors} file, with token ids
 * of the same leading shape beside it if there are any.
 */
final class MatrixSource implements ImportSource {
    private static final int ROWS_A_SEQUENCE = 256;
    private static final List<String> TOKEN_NAMES = List.of("tokens", "token_ids", "input_ids");

    private final String name;
    private final AutoCloseable file;
    private final @Nullable AutoCloseable tokenFile;
    private final Array values;
    private final @Nullable Array tokens;
    private final int width;
    private final int sequenceRows;
    private final long rows;
    private long done;

    /** Numbers in memory, little endian. */
    record Array(MemorySegment data, String dtype, List<Long> shape) {
        double at(long i) {
            return switch (dtype) {
                case "F64" -> data.get(DOUBLE, 8 * i);
                case "F32" -> data.get(FLOAT, 4 * i);
                case "F16" -> Float.float16ToFloat(data.get(SHORT, 2 * i));
                case "BF16" -> Float.intBitsToFloat(data.get(SHORT, 2 * i) << 16);
                case "I64" -> data.get(LONG, 8 * i);
                case "I32" -> data.get(INT, 4 * i);
                default -> throw new LoupeException("Numbers of the type " + dtype + " cannot be imported.");
            };
        }

        boolean isFloating() {
            return List.of("F64", "F32", "F16", "BF16").contains(dtype);
        }
    }

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private MatrixSource(
            Path path, AutoCloseable file, Array values, @Nullable AutoCloseable tokenFile, @Nullable Array tokens) {
        List<Long> shape = values.shape();
        if ((shape.size() != 2 && shape.size() != 3) || shape.contains(0L) || !values.isFloating()) {
            throw new LoupeException("The file " + path + " holds " + values.dtype() + " of shape " + shape
                    + "; activations are floating-point numbers of shape [rows, d] or [sequences, tokens, d].");
        }
        List<Long> leading = shape.subList(0, shape.size() - 1);
        rows = leading.stream().reduce(1L, Math::multiplyExact);
        long all = tokens == null ? 0 : tokens.shape().stream().reduce(1L, Math::multiplyExact);
        if (tokens != null && (all != rows || tokens.isFloating())) {
            throw new LoupeException("The token ids beside " + path + " have the type " + tokens.dtype() + " and shape "
                    + tokens.shape() + ", but there are rows of shape " + leading + ".");
        }
        this.name = String.valueOf(path.getFileName());
        this.file = file;
        this.tokenFile = tokenFile;
        this.values = values;
        this.tokens = tokens;
        this.width = Math.toIntExact(shape.getLast());
        this.sequenceRows = shape.size() == 3 ? Math.toIntExact(shape.get(1)) : ROWS_A_SEQUENCE;
    }

    /** A {@code .npy} file, with token ids in another one if there are any. */
    static MatrixSource npy(Path path, @Nullable Path tokenFile) {
        NpyFile file = NpyFile.open(path);
        NpyFile ids = null;
        try {
            ids = tokenFile == null ? null : NpyFile.open(tokenFile);
            return new MatrixSource(path, file, file.array(), ids, ids == null ? null : ids.array());
        } catch (RuntimeException e) {
            file.close();
            if (ids != null) {
                ids.close();
            }
            throw e;
        }
    }

    /** A tensor of a {@code .safetensors} file: the one of a name, or the only one that activations can be. */
    static MatrixSource safetensors(Path path, String tensor) {
        SafetensorsFile file = SafetensorsFile.open(path);
        try {
            List<String> fitting = file.tensors().values().stream()
                    .filter(t -> t.shape().size() == 2 || t.shape().size() == 3)
                    .filter(t -> new Array(MemorySegment.NULL, t.dtype(), t.shape()).isFloating())
                    .map(TensorEntry::name)
                    .sorted()
                    .toList();
            String chosen = tensor;
            if (chosen.isEmpty()) {
                if (fitting.size() != 1) {
                    throw new LoupeException("The file " + path + " has " + (fitting.isEmpty() ? "no" : "several")
                            + " tensors that activations can be " + fitting + ": choose one with --tensor.");
                }
                chosen = fitting.getFirst();
            }
            Array ids = TOKEN_NAMES.stream()
                    .filter(file::has)
                    .findFirst()
                    .map(n -> array(file, n))
                    .orElse(null);
            return new MatrixSource(path, file, array(file, chosen), null, ids);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static Array array(SafetensorsFile file, String name) {
        TensorEntry entry = file.tensor(name);
        return new Array(file.bytes(name), entry.dtype(), entry.shape());
    }

    @Override
    public String describe() {
        return name + ", " + values.dtype() + " " + values.shape();
    }

    @Override
    public String hook() {
        return "";
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public @Nullable Item next() {
        if (done == rows) {
            return null;
        }
        long first = done;
        int count = (int) Math.min(sequenceRows, rows - first);
        int[] ids = new int[count];
        Arrays.fill(ids, NO_TOKEN);
        if (tokens != null) {
            for (int i = 0; i < count; i++) {
                ids[i] = (int) tokens.at(first + i);
            }
        }
        done += count;
        return new Item(ids, (target, row) -> copy(first, count, target, row));
    }

    private void copy(long first, int count, Matrix target, int row) {
        long from = first * width;
        long to = target.offset(row);
        if (values.dtype().equals("F32")) {
            MemorySegment.copy(values.data(), 4 * from, target.segment(), to, 4L * count * width);
            return;
        }
        for (long i = 0; i < (long) count * width; i++) {
            target.segment().set(ValueLayout.JAVA_FLOAT, to + 4 * i, (float) values.at(from + i));
        }
    }

    @Override
    public void close() {
        try {
            file.close();
            if (tokenFile != null) {
                tokenFile.close();
            }
        } catch (Exception e) {
            throw new LoupeException("The file " + name + " cannot be closed (" + e.getMessage() + ").", e);
        }
    }
}
