package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Few rows times weights, for bfloat16 with both sides rounded: against three loops, and machine code against Java. */
class DotKernelTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void productsAgreeWithTheScalarReferenceAtAwkwardSizes(int rows) {
        Cases.check(25, random -> {
            try (Arena arena = Arena.ofConfined()) {
                StoredMatrix w = weights(arena, random, random.size(150), random.size(300));
                MemorySegment x = TestWeights.floats(arena, (long) rows * w.cols(), random);
                MemorySegment bias = random.nextBoolean() ? TestWeights.floats(arena, w.rows(), random) : null;
                MemorySegment slow = TestWeights.garbage(arena, (long) rows * w.rows());
                ScalarProduct.multiply(rounded(arena, x), rows, w, bias, slow);
                MemorySegment fast = TestWeights.garbage(arena, (long) rows * w.rows());
                StoredProduct.multiply(x, rows, w, bias, fast);
                TestWeights.assertClose(fast, slow, 1e-6 * Math.sqrt(w.cols()) * 4);
                MemorySegment java = TestWeights.garbage(arena, (long) rows * w.rows());
                multiply(x, rows, w, false, java);
                if (bias == null) {
                    TestWeights.assertClose(java, slow, 1e-6 * Math.sqrt(w.cols()) * 4);
                }
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void machineCodeAndJavaGiveTheSameBits(int rows) {
        if (!DotKernel.machine(PanelType.BFLOAT16)) {
            assertThat(Native.L == 16 && MachineCode.flags().contains("avx512_bf16"))
                    .isFalse();
            return; // Java is all there is
        }
        Cases.check(25, random -> {
            try (Arena arena = Arena.ofConfined()) {
                StoredMatrix w = weights(arena, random, random.size(80), random.size(700));
                MemorySegment x = TestWeights.floats(arena, (long) rows * w.cols(), random);
                MemorySegment machine = TestWeights.garbage(arena, (long) rows * w.rows());
                MemorySegment java = TestWeights.garbage(arena, (long) rows * w.rows());
                multiply(x, rows, w, true, machine);
                multiply(x, rows, w, false, java);
                assertThat(machine.mismatch(java)).isEqualTo(-1);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void machineCodeForFloatsGivesTheBitsOfJava(int rows) {
        if (!DotKernel.machine(PanelType.FLOAT32)) {
            assertThat(Native.L == 16 && MachineCode.flags().contains("avx512f"))
                    .isFalse();
            return; // Java is all there is
        }
        Cases.check(25, random -> {
            try (Arena arena = Arena.ofConfined()) {
                StoredMatrix w = TestWeights.random(arena, Storage.FLOAT32, random.size(80), random.size(400), random);
                int n = w.cols();
                MemorySegment x = TestWeights.floats(arena, (long) rows * n, random);
                MemorySegment machine = TestWeights.garbage(arena, (long) rows * w.rows());
                MemorySegment java = TestWeights.garbage(arena, (long) rows * w.rows());
                DotRows.of(PanelType.FLOAT32, x.address(), rows, n, true).multiply(w, 0, w.rows(), machine.address());
                for (int r = 0; r < rows; r++) {
                    for (int o = 0; o < w.rows(); o += 4) {
                        long out = java.address() + 4L * ((long) r * w.rows() + o);
                        RowDots.floats(
                                x.address() + 4L * r * n, w.address(o), 4L * n, Math.min(4, w.rows() - o), n, out);
                    }
                }
                assertThat(machine.mismatch(java)).isEqualTo(-1);
            }
        });
    }

    @Test
    void aRowHasTheBitsThatItHasAlone() {
        Cases.check(20, random -> {
            try (Arena arena = Arena.ofConfined()) {
                StoredMatrix w = weights(arena, random, random.size(200), random.size(400));
                MemorySegment x = TestWeights.floats(arena, 8L * w.cols(), random);
                for (int rows = 1; rows <= 8; rows++) {
                    MemorySegment together = TestWeights.garbage(arena, (long) rows * w.rows());
                    StoredProduct.multiply(x, rows, w, null, together);
                    MemorySegment alone = TestWeights.garbage(arena, w.rows());
                    StoredProduct.multiply(x.asSlice(4L * (rows - 1) * w.cols()), 1, w, null, alone);
                    assertThat(together.asSlice(4L * (rows - 1) * w.rows()).mismatch(alone))
                            .isEqualTo(-1);
                }
            }
        });
    }

    @Test
    void nanReachesExactlyItsRow() {
        Cases.Random random = Cases.random();
        try (Arena arena = Arena.ofConfined()) {
            for (int place : new int[] {5, 65}) { // in a whole step, and behind the last one
                StoredMatrix w = weights(arena, random, 43, 67);
                MemorySegment x = TestWeights.floats(arena, 5L * 67, random);
                x.setAtIndex(JAVA_FLOAT_UNALIGNED, 2 * 67 + place, Float.intBitsToFloat(0x7FFFFFFF));
                MemorySegment out = TestWeights.garbage(arena, 5L * 43);
                StoredProduct.multiply(x, 5, w, null, out);
                for (int i = 0; i < 5 * 43; i++) {
                    assertThat(Float.isNaN(out.getAtIndex(JAVA_FLOAT_UNALIGNED, i)))
                            .isEqualTo(i / 43 == 2);
                }
            }
        }
    }

    @Test
    void matricesOfSeveralTypesShareAProduct() {
        Cases.Random random = Cases.random();
        try (Arena arena = Arena.ofConfined()) {
            StoredMatrix rounding = weights(arena, random, 33, 64);
            StoredMatrix exact = TestWeights.random(arena, Storage.BFLOAT16, 20, 64, random);
            StoredMatrix blocks = TestWeights.random(arena, Storage.Q8_0, 12, 64, random);
            MemorySegment x = TestWeights.floats(arena, 64, random);
            StoredMatrix[] all = {exact, rounding, blocks};
            StoredProduct.Part[] parts = new StoredProduct.Part[3];
            for (int i = 0; i < 3; i++) {
                parts[i] = new StoredProduct.Part(all[i], null, TestWeights.garbage(arena, all[i].rows()));
            }
            StoredProduct.multiply(x, 1, parts);
            for (int i = 0; i < 3; i++) {
                MemorySegment slow = TestWeights.garbage(arena, all[i].rows());
                ScalarProduct.multiply(i == 1 ? rounded(arena, x) : x, 1, all[i], null, slow);
                TestWeights.assertClose(parts[i].out(), slow, 4e-5);
            }
        }
    }

    @Test
    void instructionsAreTheBytesOfTheGnuAssembler() {
        Evex e = new Evex();
        e.load(30, Evex.R11, Evex.R10, 1);
        e.load(31, Evex.RSI, Evex.R8, 2);
        e.addFloats(3, 28, 29);
        e.quarters(28, 14, 15, 0x44);
        e.quarters(29, 0, 17, 0xDD);
        e.halvesOfQuarters(28, 8, 9, false);
        e.halvesOfQuarters(29, 8, 9, true);
        e.oddLanes(28, 8);
        e.address(Evex.R10, Evex.R8, Evex.R8, 2);
        e.address(Evex.R11, Evex.RSI, Evex.R8, 4);
        e.address(Evex.RSI, Evex.RSI, Evex.R8, 8);
        e.push(Evex.RSI);
        e.pop(Evex.RDI);
        assertThat(HexFormat.of().formatHex(e.bytes())).isEqualTo(GNU);
    }

    private static final String GNU =
            "62017c481074130062217c48107c460062911c4058dd62430d4843e74462237d4843e9dd6241bd4814e16241bd4815e962417e4816e04f8d5440004e8d5c86004a8d74c600565f";

    /** Rows of any width, not aligned. */
    private static StoredMatrix weights(Arena arena, Cases.Random random, int rows, int cols) {
        return TestWeights.random(arena, Storage.BFLOAT16, rows, cols, random).forProducts(PanelType.BFLOAT16);
    }

    private static void multiply(MemorySegment x, int rows, StoredMatrix w, boolean machine, MemorySegment out) {
        DotRows.of(PanelType.BFLOAT16, x.address(), rows, w.cols(), machine).multiply(w, 0, w.rows(), out.address());
    }

    /** What is nearest in bfloat16, ties to even. */
    private static MemorySegment rounded(Arena arena, MemorySegment values) {
        MemorySegment r = arena.allocate(values.byteSize(), 4);
        for (long i = 0; i < values.byteSize() / 4; i++) {
            int bits = Float.floatToRawIntBits(values.getAtIndex(JAVA_FLOAT_UNALIGNED, i));
            r.setAtIndex(JAVA_FLOAT_UNALIGNED, i, Float.intBitsToFloat(bits + 0x7FFF + (bits >>> 16 & 1) & 0xFFFF0000));
        }
        return r;
    }
}
