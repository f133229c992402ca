package dev.loupe.model;

import java.util.Arrays;
import java.util.List;

/**
 * One tensor as the header of a safetensors file describes it.
 *
 * @param name its name
 * @param dtype its type as the format spells it, for example {@code BF16}
 * @param shape its dimensions, row-major; empty for a scalar
 * @param begin first byte, counted from the end of the header
 * @param end byte after the last
 */
public record TensorEntry(String name, String dtype, List<Long> shape, long begin, long end) {
    /** Number of elements. */
    public long elements() {
        return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
    }

    /** Whether the shape is exactly this. */
    public boolean hasShape(long... expected) {
        return Arrays.equals(shape.stream().mapToLong(Long::longValue).toArray(), expected);
    }
}
