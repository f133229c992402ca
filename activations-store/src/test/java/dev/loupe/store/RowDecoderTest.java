package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class RowDecoderTest {
    @Test
    void every_bf16_and_float16_pattern_decodes_to_its_value_at_any_alignment() {
        try (Arena arena = Arena.ofConfined()) {
            int n = 1 << 16;
            for (int offset : new int[] {0, 1, 2, 6, 24}) {
                MemorySegment src = arena.allocate(2L * n + offset, 64);
                MemorySegment dst = arena.allocate(4L * n + 4, 64);
                for (int i = 0; i < n; i++) {
                    src.set(RowDecoder.Layouts.SHORT, offset + 2L * i, (short) i);
                }
                RowDecoder.of(Dtype.BF16).decode(src, offset, dst, 4, n);
                for (int i = 0; i < n; i++) {
                    assertThat(dst.get(RowDecoder.Layouts.INT, 4 + 4L * i)).isEqualTo(i << 16);
                }
                RowDecoder.of(Dtype.FLOAT16).decode(src, offset, dst, 4, n);
                for (int i = 0; i < n; i++) {
                    float value = dst.get(RowDecoder.Layouts.FLOAT, 4 + 4L * i);
                    assertThat(Float.compare(value, halfReference(i))).isZero(); // NaN is NaN, 0 is not -0
                }
            }
        }
    }

    /** Half precision spelled out: sign, 5 bits of exponent, 10 of fraction (IEEE 754-2008, section 3.6). */
    private static float halfReference(int bits) {
        int exponent = bits >> 10 & 31;
        int fraction = bits & 1023;
        double magnitude = exponent == 0
                ? fraction * 0x1p-24
                : exponent < 31
                        ? (1024 + fraction) * Math.pow(2, exponent - 25)
                        : fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
        return (float) ((bits & 0x8000) != 0 ? -magnitude : magnitude);
    }

    @Test
    void bf16_rounds_to_nearest_even() {
        assertThat(RowEncoder.toBf16(1f)).isEqualTo((short) 0x3f80);
        assertThat(RowEncoder.toBf16(Float.intBitsToFloat(0x3f808000))).isEqualTo((short) 0x3f80); // tie, even below
        assertThat(RowEncoder.toBf16(Float.intBitsToFloat(0x3f818000))).isEqualTo((short) 0x3f82); // tie, even above
        assertThat(RowEncoder.toBf16(Float.intBitsToFloat(0x3f808001))).isEqualTo((short) 0x3f81);
        assertThat(RowEncoder.fromBf16(RowEncoder.toBf16(Float.NEGATIVE_INFINITY)))
                .isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(RowEncoder.fromBf16(RowEncoder.toBf16(Float.intBitsToFloat(0x7f800001))))
                .isNaN();
        Cases.check(50, random -> {
            float[] x = random.roughFloats(random.size());
            for (float v : x) {
                float rounded = RowEncoder.fromBf16(RowEncoder.toBf16(v));
                float down = Float.intBitsToFloat(Float.floatToRawIntBits(v) & 0xffff0000);
                float up = Float.intBitsToFloat((Float.floatToRawIntBits(v) & 0xffff0000) + 0x10000);
                assertThat(rounded).isIn(down, up);
                assertThat(Math.abs((double) rounded - v))
                        .isLessThanOrEqualTo(Math.min(Math.abs((double) down - v), Math.abs((double) up - v)));
            }
            Floats.assertIdentical(TestStores.representable(x, Dtype.FLOAT32), x);
        });
    }
}
