package dev.loupe.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Copies numbers out of a mapped file as float32; little-endian, at any alignment. */
interface RowDecoder {
    /** Decodes {@code count} numbers from byte {@code at} of {@code src} to byte {@code to} of {@code dst}. */
    void decode(MemorySegment src, long at, MemorySegment dst, long to, long count);

    /** The decoder of a dtype. */
    static RowDecoder of(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> (src, at, dst, to, count) -> MemorySegment.copy(src, at, dst, to, 4 * count);
            case FLOAT16 -> RowDecoder::float16;
            case BF16 -> RowDecoder::bf16;
        };
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
        static final VectorSpecies<Integer> INTS = FloatVector.SPECIES_PREFERRED.withLanes(int.class);
        static final VectorSpecies<Short> SHORTS =
                VectorSpecies.of(short.class, jdk.incubator.vector.VectorShape.forBitSize(INTS.vectorBitSize() / 2));

        private Layouts() {}
    }
}
