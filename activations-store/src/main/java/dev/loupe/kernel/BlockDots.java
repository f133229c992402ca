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

    /**
     * {@code x · row} for a row of n values that begins at an address.
     *
     * @param sums of x by block, from {@link #sums}; for Q4_1 only
     */
    static float dot(Storage storage, long x, long sums, long row, int n) {
        return switch (storage) {
            case Q8_0 -> VECTORS ? dot8(x, row, n) : scalar(storage, x, row, n);
            case Q4_0 -> VECTORS ? dot40(x, row, n) : scalar(storage, x, row, n);
            case Q4_1 -> VECTORS ? dot41(x, sums, row, n) : scalar(storage, x, row, n);
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

    private static float dot41(long x, long sums, long row, int n) {
        FloatVector sum = FloatVector.zero(Native.S);
        float offsets = 0;
        long block = row;
        for (int i = 0; i < n; i += BLOCK, block += 20) {
            FloatVector s = FloatVector.zero(Native.S);
            for (int j = 0; j < 16; j += L) {
                IntVector q = unsigned(block + 4 + j);
                s = floats(q.and(15)).fma(load(x + 4L * (i + j)), s);
                s = floats(q.lanewise(VectorOperators.LSHR, 4)).fma(load(x + 4L * (i + 16 + j)), s);
            }
            sum = s.fma(FloatVector.broadcast(Native.S, half(block)), sum);
            offsets = Math.fma(half(block + 2), Native.get(sums + i / 8), offsets);
        }
        return Native.sum(sum) + offsets;
    }

    /**
     * {@code out[i] = x · row i} for two rows one after another, with the bits of {@link #dot}: two sums hide one another's
     * latency (not worth it for Q4_0, and four make a method that the compiler no longer keeps in registers).
     *
     * @param sums of x by block, from {@link #sums}; for Q4_1 only
     */
    static void two(Storage storage, long x, long sums, long row, long step, int n, long out) {
        if (L != 16 || storage == Storage.Q4_0) {
            Native.set(out, dot(storage, x, sums, row, n));
            Native.set(out + 4, dot(storage, x, sums, row + step, n));
            return;
        }
        switch (storage) {
            case Q8_0 -> two8(x, row, row + step, n, out);
            case Q4_1 -> two41(x, sums, row, row + step, n, out);
            default -> throw new IllegalArgumentException(storage + " has no blocks");
        }
    }

    /** The sum of every block of a vector, for offsets that a whole block shares. */
    static void sums(long x, int n, long out) {
        for (int i = 0; i < n; i += BLOCK) {
            float sum = 0;
            for (int j = 0; j < BLOCK; j++) {
                sum += Native.get(x + 4L * (i + j));
            }
            Native.set(out + i / 8, sum);
        }
    }

    private static void two8(long x, long a, long b, int n, long out) {
        FloatVector s = FloatVector.zero(Native.S);
        FloatVector t = s;
        long from = 0;
        for (int i = 0; i < n; i += BLOCK, from += 34) {
            FloatVector v = load(x + 4L * i);
            FloatVector w = load(x + 4L * (i + 16));
            FloatVector d = FloatVector.broadcast(Native.S, half(a + from));
            FloatVector e = FloatVector.broadcast(Native.S, half(b + from));
            s = signed(a + from + 18).fma(w, signed(a + from + 2).mul(v)).fma(d, s);
            t = signed(b + from + 18).fma(w, signed(b + from + 2).mul(v)).fma(e, t);
        }
        Native.set(out, Native.sum(s));
        Native.set(out + 4, Native.sum(t));
    }

    private static void two41(long x, long sums, long a, long b, int n, long out) {
        FloatVector s = FloatVector.zero(Native.S);
        FloatVector t = s;
        float p = 0;
        float u = 0;
        long from = 0;
        for (int i = 0; i < n; i += BLOCK, from += 20) {
            FloatVector v = load(x + 4L * i);
            FloatVector w = load(x + 4L * (i + 16));
            FloatVector d = FloatVector.broadcast(Native.S, half(a + from));
            FloatVector e = FloatVector.broadcast(Native.S, half(b + from));
            float plain = Native.get(sums + i / 8);
            IntVector q = unsigned(a + from + 4);
            IntVector r = unsigned(b + from + 4);
            s = floats(q.lanewise(VectorOperators.LSHR, 4))
                    .fma(w, floats(q.and(15)).mul(v))
                    .fma(d, s);
            t = floats(r.lanewise(VectorOperators.LSHR, 4))
                    .fma(w, floats(r.and(15)).mul(v))
                    .fma(e, t);
            p = Math.fma(half(a + from + 2), plain, p);
            u = Math.fma(half(b + from + 2), plain, u);
        }
        Native.set(out, Native.sum(s) + p);
        Native.set(out + 4, Native.sum(t) + u);
    }
}
