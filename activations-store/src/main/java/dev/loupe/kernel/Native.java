package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.nativeOrder;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Native memory by address. Inner loops read through one segment over all addresses, because checks of bounds and
 * liveness of a shared segment in them make the compiler keep vectors in memory (measured: 60 against 450 GFLOP/s). So
 * every public method of this package checks its segments with {@link #address} first, and keeps them reachable until it
 * is done.
 */
final class Native {
    static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    static final int L = S.length();

    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(S, 8, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(S, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(S, 2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(S, 1, 1, true);

    private Native() {}

    /** The address of a native segment that has at least so many bytes. */
    static long address(MemorySegment segment, long bytes) {
        if (!segment.isNative()
                || segment.byteSize() < bytes
                || !segment.scope().isAlive()) {
            throw new IllegalArgumentException(segment + " is no living native memory of " + bytes + " bytes");
        }
        return segment.address();
    }

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(S, ALL, address, nativeOrder());
    }

    static void store(FloatVector v, long address) {
        v.intoMemorySegment(ALL, address, nativeOrder());
    }

    static FloatVector load(long address, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(S, ALL, address, nativeOrder(), mask);
    }

    static void store(FloatVector v, long address, VectorMask<Float> mask) {
        v.intoMemorySegment(ALL, address, nativeOrder(), mask);
    }

    static float get(long address) {
        return ALL.get(JAVA_FLOAT_UNALIGNED, address);
    }

    static void set(long address, float value) {
        ALL.set(JAVA_FLOAT_UNALIGNED, address, value);
    }

    static short getShort(long address) {
        return ALL.get(JAVA_SHORT_UNALIGNED, address);
    }

    static int getInt(long address) {
        return ALL.get(JAVA_INT_UNALIGNED, address);
    }

    static void setInt(long address, int value) {
        ALL.set(JAVA_INT_UNALIGNED, address, value);
    }

    static long getLong(long address) {
        return ALL.get(JAVA_LONG_UNALIGNED, address);
    }

    static void setLong(long address, long value) {
        ALL.set(JAVA_LONG_UNALIGNED, address, value);
    }

    static byte getByte(long address) {
        return ALL.get(JAVA_BYTE, address);
    }

    static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    static MemorySegment all() {
        return ALL;
    }

    /**
     * The sum of all lanes in a fixed order: interpreted and compiled code then agree bit by bit. In steps so small that the
     * compiler always inlines them; a call would put the vectors of the caller's loop into memory.
     */
    static float sum(FloatVector v) {
        return by1(by2(by4(by8(v)))).lane(0);
    }

    private static FloatVector by8(FloatVector v) {
        return L >= 16 ? v.add(v.rearrange(BY_8)) : v;
    }

    private static FloatVector by4(FloatVector v) {
        return L >= 8 ? v.add(v.rearrange(BY_4)) : v;
    }

    private static FloatVector by2(FloatVector v) {
        return L >= 4 ? v.add(v.rearrange(BY_2)) : v;
    }

    private static FloatVector by1(FloatVector v) {
        return v.add(v.rearrange(BY_1));
    }
}
