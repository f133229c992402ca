package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Random weights of every storage, and a comparison that scales with the numbers compared. */
final class TestWeights {
    private TestWeights() {}

    /** A number of columns that the storage can have. */
    static int cols(Cases.Random random, Storage storage) {
        int block = storage.blockValues();
        return Math.max(1, random.size(500) / block) * block;
    }

    static StoredMatrix random(Arena arena, Storage storage, int rows, int cols, Cases.Random random) {
        MemorySegment memory =
                arena.allocate(rows * storage.rowBytes(cols) + 2, 2).asSlice(2); // at an odd place
        switch (storage) {
            case FLOAT32 -> {
                for (long i = 0; i < (long) rows * cols; i++) {
                    memory.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) random.nextGaussian());
                }
            }
            case Q8_0, Q4_0, Q4_1 -> {
                for (long i = 0; i < memory.byteSize(); i++) {
                    memory.set(java.lang.foreign.ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
                }
                for (long at = 0; at < memory.byteSize(); at += storage.blockBytes()) {
                    for (int half = 0; half < (storage == Storage.Q4_1 ? 2 : 1); half++) {
                        short scale = Float.floatToFloat16((float) random.nextGaussian() / 50);
                        memory.set(JAVA_SHORT_UNALIGNED, at + 2L * half, scale);
                    }
                }
            }
            case BFLOAT16 -> {
                for (long i = 0; i < (long) rows * cols; i++) {
                    int bits = Float.floatToRawIntBits((float) random.nextGaussian());
                    memory.setAtIndex(JAVA_SHORT_UNALIGNED, i, (short) (bits >>> 16));
                }
            }
        }
        return new StoredMatrix(memory, storage, rows, cols);
    }

    static MemorySegment floats(Arena arena, long n, Cases.Random random) {
        MemorySegment memory = arena.allocate(4 * n, 4);
        for (long i = 0; i < n; i++) {
            memory.setAtIndex(JAVA_FLOAT_UNALIGNED, i, (float) random.nextGaussian());
        }
        return memory;
    }

    /** Memory whose old content must not matter. */
    static MemorySegment garbage(Arena arena, long n) {
        MemorySegment memory = arena.allocate(4 * n, 4);
        for (long i = 0; i < n; i++) {
            memory.setAtIndex(JAVA_FLOAT_UNALIGNED, i, Float.NaN);
        }
        return memory;
    }

    /** Every pair within {@code tolerance} times the largest value of the second. */
    static void assertClose(MemorySegment actual, MemorySegment expected, double tolerance) {
        long n = expected.byteSize() / 4;
        double largest = 0;
        for (long i = 0; i < n; i++) {
            largest = Math.max(largest, Math.abs(expected.getAtIndex(JAVA_FLOAT_UNALIGNED, i)));
        }
        for (long i = 0; i < n; i++) {
            float a = actual.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
            float e = expected.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
            if (!(Math.abs((double) a - e) <= tolerance * Math.max(largest, 1))) {
                throw new AssertionError("value " + i + " of " + n + " is " + a + " instead of " + e);
            }
        }
    }

    /** Some of the numbers, as doubles. */
    static double[] row(MemorySegment m, long from, int n) {
        double[] row = new double[n];
        Arrays.setAll(row, i -> m.getAtIndex(JAVA_FLOAT_UNALIGNED, from + i));
        return row;
    }

    /** Numbers in memory within {@code tolerance} times the largest expected one. */
    static void assertRow(MemorySegment actual, long from, double[] expected, double tolerance) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < expected.length; i++) {
            double a = actual.getAtIndex(JAVA_FLOAT_UNALIGNED, from + i);
            if (!(Math.abs(a - expected[i]) <= tolerance * Math.max(1, largest))) {
                throw new AssertionError(
                        "value %d of %d: %s instead of %s".formatted(i, expected.length, a, expected[i]));
            }
        }
    }
}
