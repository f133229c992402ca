package dev.loupe.kernel;

import static dev.loupe.kernel.Native.L;
import static dev.loupe.kernel.Native.load;

import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of ggml's blocks of 32 values: their values, and their dot products with a vector, in which every value is what
 * decoding would give, up to the order of multiplications. Blocks begin with a float16 scale d: Q8_0 goes on with 32 signed
 * bytes q and means {@code d q}; Q4_0 with 16 bytes of two numbers each (low halves are values 0 to 15), {@code d (q - 8)};
 * Q4_1 with a float16 m and the same, {@code d q + m}.
 */
final class BlockDots {
    private static final int BLOCK = 32;
    private static final boolean VECTORS = L == 16 || L == 8;
    private static final VectorSpecies<Byte> BYTES = L == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

    private BlockDots() {}

    /** Writes n values, whole blocks, as float32. */
    static void decode(Storage storage, long at, int n, long out) {
        long block = at;
        for (int i = 0; i < n; i += BLOCK, block += storage.blockBytes()) {
            float d = half(block);
            switch (storage) {
                case Q8_0 -> bytes(block + 2, d, out + 4L * i);
                case Q4_0 -> nibbles(block + 2, d, 8, 0, out + 4L * i);
                case Q4_1 -> nibbles(block + 4, d, 0, half(block + 2), out + 4L * i);
                default -> throw new IllegalArgumentException(storage + " has no blocks");
            }
        }
    }

    private static float half(long at) {
        return Float.float16ToFloat(Native.getShort(at));
    }

    private static void bytes(long q, float d, long out) {
        for (int i = 0; i < BLOCK; i++) {
            Native.set(out + 4L * i, Native.getByte(q + i) * d);
        }
    }

    private static void nibbles(long q, float d, int centre, float m, long out) {
        for (int i = 0; i < 16; i++) {
            int both = Native.getByte(q + i) & 0xFF;
            float low = ((both & 15) - centre) * d;
            float high = ((both >> 4) - centre) * d;
            Native.set(out + 4L * i, centre > 0 ? low : low + m);
            Native.set(out + 4L * (16 + i), centre > 0 ? high : high + m);
        }
    }

    /** {@code x · row} for a row of n values that begins at an address. */
    static float dot(Storage storage, long x, long row, int n) {
        return switch (storage) {
            case Q8_0 -> VECTORS ? dot8(x, row, n) : scalar(storage, x, row, n);
            case Q4_0 -> VECTORS ? dot40(x, row, n) : scalar(storage, x, row, n);
            case Q4_1 -> VECTORS ? dot41(x, row, n) : scalar(storage, x, row, n);
            default -> throw new IllegalArgumentException(storage + " has no blocks");
        };
    }

    static float scalar(Storage storage, long x, long row, int n) {
        float sum = 0;
        long block = row;
        for (int i = 0; i < n; i += BLOCK, block += storage.blockBytes()) {
            float d = half(block);
            boolean four = storage == Storage.Q4_1;
            float m = four ? half(block + 2) : 0;
            for (int j = 0; j < BLOCK; j++) {
                float v = Native.get(x + 4L * (i + j));
                if (storage == Storage.Q8_0) {
                    sum = Math.fma(Native.getByte(block + 2 + j) * d, v, sum);
                } else {
                    int both = Native.getByte(block + (four ? 4 : 2) + j % 16) & 0xFF;
                    int q = (j < 16 ? both & 15 : both >> 4) - (four ? 0 : 8);
                    sum = Math.fma(q * d + m, v, sum);
                }
            }
        }
        return sum;
    }

    private static ByteVector load8(long address) {
        return ByteVector.fromMemorySegment(BYTES, Native.all(), address, ByteOrder.LITTLE_ENDIAN);
    }

    private static IntVector unsigned(long address) {
        return (IntVector) load8(address).convertShape(VectorOperators.ZERO_EXTEND_B2I, StoredMatrix.INTS, 0);
    }

    private static FloatVector floats(IntVector v) {
        return (FloatVector) v.convertShape(VectorOperators.I2F, Native.S, 0);
    }

    private static FloatVector signed(long address) {
        return floats((IntVector) load8(address).convertShape(VectorOperators.B2I, StoredMatrix.INTS, 0));
    }

    private static float dot8(long x, long row, int n) {
        FloatVector sum = FloatVector.zero(Native.S);
        long block = row;
        for (int i = 0; i < n; i += BLOCK, block += 34) {
            FloatVector s = signed(block + 2).mul(load(x + 4L * i));
            for (int j = L; j < BLOCK; j += L) {
                s = signed(block + 2 + j).fma(load(x + 4L * (i + j)), s);
            }
            sum = s.fma(FloatVector.broadcast(Native.S, half(block)), sum);
        }
        return Native.sum(sum);
    }

    private static float dot40(long x, long row, int n) {
        FloatVector sum = FloatVector.zero(Native.S);
        long block = row;
        for (int i = 0; i < n; i += BLOCK, block += 18) {
            FloatVector s = FloatVector.zero(Native.S);
            for (int j = 0; j < 16; j += L) {
                IntVector q = unsigned(block + 2 + j);
                s = floats(q.and(15).sub(8)).fma(load(x + 4L * (i + j)), s);
                s = floats(q.lanewise(VectorOperators.LSHR, 4).sub(8)).fma(load(x + 4L * (i + 16 + j)), s);
            }
            sum = s.fma(FloatVector.broadcast(Native.S, half(block)), sum);
        }
        return Native.sum(sum);
    }

    private static float dot41(long x, long row, int n) {
        FloatVector sum = FloatVector.zero(Native.S);
        long block = row;
        for (int i = 0; i < n; i += BLOCK, block += 20) {
            FloatVector s = FloatVector.zero(Native.S);
            FloatVector plain = s;
            for (int j = 0; j < 16; j += L) {
                IntVector q = unsigned(block + 4 + j);
                FloatVector a = load(x + 4L * (i + j));
                FloatVector b = load(x + 4L * (i + 16 + j));
                s = floats(q.and(15)).fma(a, s);
                s = floats(q.lanewise(VectorOperators.LSHR, 4)).fma(b, s);
                plain = plain.add(a).add(b);
            }
            sum = s.fma(FloatVector.broadcast(Native.S, half(block)), sum);
            sum = plain.fma(FloatVector.broadcast(Native.S, half(block + 2)), sum);
        }
        return Native.sum(sum);
    }
}
