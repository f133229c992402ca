package dev.loupe.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Copies numbers out of a mapped file as float32; little-endian, at any alignment. */
interface RowDecoder {
    /** Decodes {@code count} numbers from byte {@code at} of {@code src} to byte {@code to} of {@code dst}. */
    void decode(MemorySegment src, long at, MemorySegment dst, long to, long count);

    /**
     * Decodes four rows of {@code count} numbers each, at bytes {@code at} of {@code src}, into rows that lie together from
     * byte {@code to} of {@code dst}.
     */
    default void decode4(MemorySegment[] src, long[] at, MemorySegment dst, long to, int count) {
        for (int i = 0; i < 4; i++) {
            decode(src[i], at[i], dst, to + 4L * i * count, count);
        }
    }

    /** The decoder of a dtype. */
    static RowDecoder of(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> new Float32();
            case FLOAT16 -> RowDecoder::float16;
            case BF16 -> RowDecoder::bf16;
        };
    }

    /** Plain copies; four rows in turn, so that the memory works on four of them at once. */
    final class Float32 implements RowDecoder {
        @Override
        public void decode(MemorySegment src, long at, MemorySegment dst, long to, long count) {
            MemorySegment.copy(src, at, dst, to, 4 * count);
        }

        @Override
        public void decode4(MemorySegment[] src, long[] at, MemorySegment dst, long to, int count) {
            MemorySegment s0 = src[0];
            MemorySegment s1 = src[1];
            MemorySegment s2 = src[2];
            MemorySegment s3 = src[3];
            long a0 = at[0];
            long a1 = at[1];
            long a2 = at[2];
            long a3 = at[3];
            int bytes = 4 * count;
            int whole = Layouts.BYTES.loopBound(bytes);
            long to1 = to + bytes;
            long to2 = to1 + bytes;
            long to3 = to2 + bytes;
            for (int k = 0; k < whole; k += Layouts.BYTES.length()) {
                ByteVector v0 = ByteVector.fromMemorySegment(Layouts.BYTES, s0, a0 + k, ByteOrder.LITTLE_ENDIAN);
                ByteVector v1 = ByteVector.fromMemorySegment(Layouts.BYTES, s1, a1 + k, ByteOrder.LITTLE_ENDIAN);
                ByteVector v2 = ByteVector.fromMemorySegment(Layouts.BYTES, s2, a2 + k, ByteOrder.LITTLE_ENDIAN);
                ByteVector v3 = ByteVector.fromMemorySegment(Layouts.BYTES, s3, a3 + k, ByteOrder.LITTLE_ENDIAN);
                v0.intoMemorySegment(dst, to + k, ByteOrder.LITTLE_ENDIAN);
                v1.intoMemorySegment(dst, to1 + k, ByteOrder.LITTLE_ENDIAN);
                v2.intoMemorySegment(dst, to2 + k, ByteOrder.LITTLE_ENDIAN);
                v3.intoMemorySegment(dst, to3 + k, ByteOrder.LITTLE_ENDIAN);
            }
            if (whole < bytes) {
                MemorySegment.copy(s0, a0 + whole, dst, to + whole, bytes - whole);
                MemorySegment.copy(s1, a1 + whole, dst, to1 + whole, bytes - whole);
                MemorySegment.copy(s2, a2 + whole, dst, to2 + whole, bytes - whole);
                MemorySegment.copy(s3, a3 + whole, dst, to3 + whole, bytes - whole);
            }
        }
    }

    /** Half precision, through arrays: the JIT turns that loop into vector conversions. */
    private static void float16(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        short[] half = new short[(int) Math.min(count, 4096)];
        float[] single = new float[half.length];
        for (long done = 0; done < count; ) {
            int n = (int) Math.min(half.length, count - done);
            MemorySegment.copy(src, Layouts.SHORT, at + 2 * done, half, 0, n);
            for (int i = 0; i < n; i++) {
                single[i] = Float.float16ToFloat(half[i]);
            }
            MemorySegment.copy(single, 0, dst, Layouts.FLOAT, to + 4 * done, n);
            done += n;
        }
    }

    /** bfloat16 is the upper half of a single. */
    private static void bf16(MemorySegment src, long at, MemorySegment dst, long to, long count) {
        int step = Layouts.INTS.length();
        long i = 0;
        for (; i + step <= count; i += step) {
            ShortVector.fromMemorySegment(Layouts.SHORTS, src, at + 2 * i, ByteOrder.LITTLE_ENDIAN)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, Layouts.INTS, 0)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, 16)
                    .intoMemorySegment(dst, to + 4 * i, ByteOrder.LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            dst.set(Layouts.INT, to + 4 * i, src.get(Layouts.SHORT, at + 2 * i) << 16);
        }
    }

    /** Layouts and vector shapes. */
    final class Layouts {
        static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_PREFERRED;
        static final VectorSpecies<Integer> INTS = FloatVector.SPECIES_PREFERRED.withLanes(int.class);
        static final VectorSpecies<Short> SHORTS =
                VectorSpecies.of(short.class, jdk.incubator.vector.VectorShape.forBitSize(INTS.vectorBitSize() / 2));

        private Layouts() {}
    }
}
