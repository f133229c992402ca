package dev.loupe.model.gguf;

import java.util.Arrays;
import java.util.List;

/**
 * One tensor of a GGUF file.
 *
 * @param name its name
 * @param type how its numbers are stored
 * @param shape its dimensions, row-major (the file lists them the other way round)
 * @param begin first byte, counted from the start of the tensors
 * @param bytes how many bytes it has; 0 for types that cannot be read
 */
public record GgufTensor(String name, GgmlType type, List<Long> shape, long begin, long bytes) {
    /** Number of elements. */
    public long elements() {
        return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
    }

    /** Whether the shape is exactly this. */
    public boolean hasShape(long... expected) {
        return Arrays.equals(shape.stream().mapToLong(Long::longValue).toArray(), expected);
    }
}
