package dev.loupe.model.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Blocks to float32 as ggml's own scalar code gives them (github.com/ggml-org/ggml, {@code ggml-quants.c}, {@code
 * dequantize_row_*}): the same products in the same order, each rounded once, so that every bit is the same. In the
 * names of that file, d is a block's scale, m or min its offset, qs the low bits, qh the high ones.
 *
 * <p>All loops are memory-bound next to the reading of the file; vector code would gain nothing that a load shows.
 */
final class Dequantizer {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment in;
    private final MemorySegment out;
    private long to; // the next element

    private Dequantizer(MemorySegment in, MemorySegment out) {
        this.in = in;
        this.out = out;
    }

    /** Converts all blocks of {@code in}. */
    static void toFloats(GgmlType type, MemorySegment in, MemorySegment out) {
        if (type == GgmlType.F32 && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
            MemorySegment.copy(in, 0, out, 0, in.byteSize());
            return;
        }
        Dequantizer d = new Dequantizer(in, out);
        long size = in.byteSize();
        int step = type.blockBytes();
        for (long at = 0; at < size; at += step) {
            switch (type) {
                case F32 -> d.put(Float.intBitsToFloat(in.get(INT, at)));
                case F16 -> d.put(d.half(at));
                case BF16 -> d.put(Float.intBitsToFloat(in.get(SHORT, at) << 16));
                case Q4_0 -> d.q4(at + 2, d.half(at), 8, 0);
                case Q4_1 -> d.q4(at + 4, d.half(at), 0, d.half(at + 2));
                case Q5_0 -> d.q5(at + 2, d.half(at), 16, 0);
                case Q5_1 -> d.q5(at + 4, d.half(at), 0, d.half(at + 2));
                case Q8_0 -> d.q8(at);
                case Q4_K -> d.q4k(at);
                case Q5_K -> d.q5k(at);
                case Q6_K -> d.q6k(at);
                default -> throw new IllegalArgumentException(type + " cannot be read");
            }
        }
    }

    private void put(float value) {
        out.set(JAVA_FLOAT_UNALIGNED, 4 * to++, value);
    }

    private float half(long at) {
        return Float.float16ToFloat(in.get(SHORT, at));
    }

    private int unsigned(long at) {
        return in.get(JAVA_BYTE, at) & 0xFF;
    }

    /** 16 bytes hold 32 numbers: the low halves first, then the high ones. */
    private void q4(long qs, float d, int centre, float m) {
        for (int shift = 0; shift <= 4; shift += 4) {
            for (int i = 0; i < 16; i++) {
                put(scaled((unsigned(qs + i) >> shift & 15) - centre, d, centre, m));
            }
        }
    }

    /** As {@link #q4}, with a fifth bit of each number in four bytes before them. */
    private void q5(long at, float d, int centre, float m) {
        int qh = in.get(INT, at);
        for (int shift = 0; shift <= 4; shift += 4) {
            for (int i = 0; i < 16; i++) {
                int high = (qh >>> (i + 4 * shift) & 1) << 4;
                put(scaled((unsigned(at + 4 + i) >> shift & 15 | high) - centre, d, centre, m));
            }
        }
    }

    /** Types with a centre have no offset: adding zero would turn -0 into 0. */
    private static float scaled(int q, float d, int centre, float m) {
        return centre > 0 ? q * d : q * d + m;
    }

    private void q8(long at) {
        float d = half(at);
        for (int i = 0; i < 32; i++) {
            put(in.get(JAVA_BYTE, at + 2 + i) * d);
        }
    }

    private void q4k(long at) {
        float d = half(at);
        float min = half(at + 2);
        long qs = at + 16;
        for (int part = 0; part < 8; part++) { // 32 numbers with a scale and an offset of six bits each
            float dl = d * scale(at + 4, part);
            float ml = min * offset(at + 4, part);
            int shift = 4 * (part & 1);
            for (int i = 0; i < 32; i++) {
                put(dl * (unsigned(qs + 32 * (part >> 1) + i) >> shift & 15) - ml);
            }
        }
    }

    private void q5k(long at) {
        float d = half(at);
        float min = half(at + 2);
        long qh = at + 16;
        long qs = at + 48;
        for (int part = 0; part < 8; part++) {
            float dl = d * scale(at + 4, part);
            float ml = min * offset(at + 4, part);
            int shift = 4 * (part & 1);
            for (int i = 0; i < 32; i++) {
                int high = (unsigned(qh + i) >> part & 1) << 4;
                put(dl * (unsigned(qs + 32 * (part >> 1) + i) >> shift & 15 | high) - ml);
            }
        }
    }

    /** Six bits out of twelve bytes that hold eight scales and eight offsets ({@code get_scale_min_k4}). */
    private int scale(long at, int part) {
        return part < 4 ? unsigned(at + part) & 63 : unsigned(at + part + 4) & 15 | unsigned(at + part - 4) >> 6 << 4;
    }

    private int offset(long at, int part) {
        return part < 4 ? unsigned(at + part + 4) & 63 : unsigned(at + part + 4) >> 4 | unsigned(at + part) >> 6 << 4;
    }

    private void q6k(long at) {
        float d = half(at + 208);
        for (int half = 0; half < 2; half++) { // 128 numbers: four rows of 32
            for (int row = 0; row < 4; row++) {
                for (int i = 0; i < 32; i++) {
                    int low = unsigned(at + 64 * half + 32 * (row & 1) + i) >> 4 * (row >> 1) & 15;
                    int high = unsigned(at + 128 + 32 * half + i) >> 2 * row & 3;
                    int scale = in.get(JAVA_BYTE, at + 192 + 8 * half + 2 * row + i / 16);
                    put(d * scale * ((low | high << 4) - 32));
                }
            }
        }
    }
}
