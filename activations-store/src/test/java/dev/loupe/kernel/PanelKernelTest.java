package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PanelKernelTest {

    @ParameterizedTest
    @EnumSource(PanelType.class)
    void productsAgreeWithThreeLoopsAtAwkwardSizes(PanelType type) {
        Cases.check(40, random -> {
            int m = random.size(40);
            int n = random.size(100);
            int d = random.size(130);
            float[][] x = random.matrix(m, d);
            float[][] w = random.matrix(n, d);
            float scale = scale(type);
            double[][] out = product(type, x, w, scale);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    double magnitude = 0;
                    for (int c = 0; c < d; c++) {
                        double term = rounded(type, x[i][c], scale) * rounded(type, w[j][c], scale);
                        sum += term;
                        magnitude += Math.abs(term);
                    }
                    assertThat(out[i][j]).isCloseTo(sum, within(type.isInteger() ? 0 : 1e-6 * d * magnitude + 1e-30));
                }
            }
        });
    }

    private static float scale(PanelType type) {
        return switch (type) {
            case FLOAT32, BFLOAT16 -> 1;
            case INT16 -> 1000;
            case INT8 -> 15;
        };
    }

    /** What a packed value stands for, by definition. */
    private static double rounded(PanelType type, float v, float scale) {
        return switch (type) {
            case FLOAT32 -> v;
            case BFLOAT16 -> {
                float below = Float.intBitsToFloat(Float.floatToIntBits(v) & 0xFFFF0000);
                float above = Float.intBitsToFloat((Float.floatToIntBits(v) & 0xFFFF0000) + 0x10000);
                double down = Math.abs((double) v - below);
                double up = Math.abs((double) v - above);
                boolean even = (Float.floatToIntBits(below) & 0x10000) == 0;
                yield down < up || (down == up && even) ? below : above;
            }
            case INT16, INT8 -> Math.rint((double) (v * scale));
        };
    }

    @ParameterizedTest
    @EnumSource(PanelType.class)
    void machineCodeAndJavaGiveTheSameBits(PanelType type) {
        Cases.Random random = Cases.random();
        int steps = 77;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(4L * 2 * PanelKernel.HEIGHT * steps, 64);
            MemorySegment w = arena.allocate(4L * PanelKernel.WIDTH * steps, 64);
            for (MemorySegment s : new MemorySegment[] {x, w}) {
                for (long i = 0; i < s.byteSize(); i += 4) {
                    int value = switch (type) {
                        case FLOAT32 -> Float.floatToIntBits(random.floats(1)[0]);
                        case BFLOAT16 ->
                            Float.floatToIntBits(random.floats(1)[0]) & 0xFFFF0000
                                    | Float.floatToIntBits(random.floats(1)[0]) >>> 16;
                        case INT16, INT8 -> (int) (random.floats(1)[0] * 1e9f);
                    };
                    s.set(JAVA_INT_UNALIGNED, i, value);
                }
            }
            long stride = 4L * PanelKernel.WIDTH + 12;
            MemorySegment one = arena.allocate(stride * 2 * PanelKernel.HEIGHT, 64);
            MemorySegment two = arena.allocate(one.byteSize(), 64);
            PanelKernel.multiply(type, x.address(), w.address(), steps, one.address(), stride, 2);
            JavaPanelKernel.multiply(type, x.address(), w.address(), steps, two.address(), stride, 2);
            assertThat(one.mismatch(two)).isEqualTo(-1);
            assertThat(one.get(JAVA_INT_UNALIGNED, stride * 23)).isNotZero();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = PanelType.class,
            names = {"FLOAT32", "BFLOAT16"})
    void nanReachesExactlyItsRow(PanelType type) {
        float[][] x = Cases.random().matrix(30, 7);
        x[20][3] = Float.intBitsToFloat(0x7FFFFFFF);
        double[][] out = product(type, x, Cases.random().matrix(40, 7), 1);
        for (int i = 0; i < 30; i++) {
            for (int j = 0; j < 40; j++) {
                assertThat(Double.isNaN(out[i][j])).isEqualTo(i == 20);
            }
        }
    }

    @Test
    void instructionsAreTheBytesOfTheGnuAssembler() {
        Evex e = new Evex();
        e.zero(17);
        e.load(24, Evex.R10, 64);
        e.store(9, Evex.RCX, 64);
        e.broadcast(31, Evex.RDI, 44);
        e.multiplyAdd(PanelType.FLOAT32, 23, 25, 30);
        e.multiplyAdd(PanelType.BFLOAT16, 7, 24, 26);
        e.multiplyAdd(PanelType.INT16, 12, 25, 31);
        e.multiplyAdd(PanelType.INT8, 12, 25, 31);
        e.move(Evex.R10, Evex.RSI);
        e.move(Evex.RAX, Evex.RDX);
        e.add(Evex.RCX, Evex.R8);
        e.addValue(Evex.RDI, 48);
        e.decrement(Evex.R9);
        e.ret();
        assertThat(HexFormat.of().formatHex(e.bytes())).isEqualTo(GNU);
    }

    private static final String GNU =
            "62a17540efc962417c4810420162717c4811490162627d48587f0b62823540b8fe62923e4052fa6212354052e76212354050e74989f24889d04c01c14881c73000000049ffc9c5f877c3";

    private static double[][] product(PanelType type, float[][] x, float[][] w, float scale) {
        int d = x[0].length;
        double[][] result = new double[x.length][w.length];
        int[] excess = new int[x.length];
        try (Arena arena = Arena.ofConfined()) {
            PackedPanels packed = new PackedPanels(arena, type, w.length, d);
            MemorySegment row = arena.allocate(4L * d, 4);
            for (int j = 0; j < w.length; j++) {
                MemorySegment.copy(w[j], 0, row, JAVA_FLOAT_UNALIGNED, 0, d);
                packed.setRow(j, row, 0, scale);
            }
            MemorySegment tile = arena.allocate(packed.tileBytes(x.length), 64);
            tile.fill((byte) 0xFF);
            for (int i = 0; i < x.length; i++) {
                MemorySegment.copy(x[i], 0, row, JAVA_FLOAT_UNALIGNED, 0, d);
                excess[i] = packed.packRow(row, 0, scale, i, tile);
            }
            packed.fill(x.length, tile);
            int groups = Math.ceilDiv(x.length, PackedPanels.GROUP);
            int stride = packed.panels() * PackedPanels.PANEL;
            MemorySegment out = arena.allocate(4L * groups * PackedPanels.GROUP * stride, 64);
            packed.multiply(tile, groups, 0, packed.panels(), out);
            for (int i = 0; i < x.length; i++) {
                for (int j = 0; j < w.length; j++) {
                    long at = 4L * ((long) i * stride + j);
                    result[i][j] = type.isInteger()
                            ? out.get(JAVA_INT_UNALIGNED, at) - excess[i]
                            : out.get(JAVA_FLOAT_UNALIGNED, at);
                }
            }
        }
        return result;
    }
}
