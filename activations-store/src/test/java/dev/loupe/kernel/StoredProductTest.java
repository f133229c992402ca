package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StoredProductTest {

    @ParameterizedTest
    @EnumSource(Storage.class)
    void productsAgreeWithTheScalarReferenceAtAwkwardSizes(Storage storage) {
        Cases.check(60, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int rows = random.nextBoolean() ? random.size(StoredProduct.FEW) : random.size(140);
                StoredMatrix w =
                        TestWeights.random(arena, storage, random.size(200), TestWeights.cols(random, storage), random);
                MemorySegment x = TestWeights.floats(arena, (long) rows * w.cols(), random);
                MemorySegment bias = random.nextBoolean() ? TestWeights.floats(arena, w.rows(), random) : null;
                MemorySegment fast = TestWeights.garbage(arena, (long) rows * w.rows());
                MemorySegment slow = TestWeights.garbage(arena, (long) rows * w.rows());
                StoredProduct.multiply(x, rows, w, bias, fast);
                ScalarProduct.multiply(x, rows, w, bias, slow);
                TestWeights.assertClose(fast, slow, 1e-6 * Math.sqrt(w.cols()) * 4);

                MemorySegment g = TestWeights.floats(arena, (long) rows * w.rows(), random);
                MemorySegment back = TestWeights.garbage(arena, (long) rows * w.cols());
                MemorySegment expected = TestWeights.garbage(arena, (long) rows * w.cols());
                TransposedProduct.run(rows, back, new TransposedProduct.Term(w, g));
                ScalarProduct.multiplyTransposed(g, rows, w, expected);
                TestWeights.assertClose(back, expected, 1e-6 * Math.sqrt(w.rows()) * 4);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Storage.class)
    void panelsGiveTheBitsOfTilesAtAwkwardSizes(Storage storage) {
        Cases.check(12, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int rows = random.size(150);
                StoredMatrix w = TestWeights.random(
                        arena, storage, random.size(150), TestWeights.cols(random, storage) + 416, random);
                MemorySegment x = TestWeights.floats(arena, (long) rows * w.cols(), random);
                MemorySegment bias = TestWeights.floats(arena, w.rows(), random);
                MemorySegment panels = TestWeights.garbage(arena, (long) rows * w.rows());
                MemorySegment second = TestWeights.garbage(arena, (long) rows * w.rows());
                MemorySegment tiles = TestWeights.garbage(arena, (long) rows * w.rows());
                new PanelProduct(PanelType.FLOAT32, w.cols(), 1 + random.nextInt(8))
                        .run(
                                x.address(),
                                rows,
                                new PanelProduct.Target(w, bias.address(), panels.address()),
                                new PanelProduct.Target(w, 0, second.address()));
                StoredProduct.many(x.address(), rows, w, bias.address(), tiles.address());
                assertThat(panels.mismatch(tiles)).isEqualTo(-1);
                StoredProduct.many(x.address(), rows, w, 0, tiles.address());
                assertThat(second.mismatch(tiles)).isEqualTo(-1);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Storage.class)
    void manyRowsInBfloat16AreProductsOfRoundedValuesWithSumsInFloat32(Storage storage) {
        Cases.check(12, random -> {
            try (Arena arena = Arena.ofConfined()) {
                int rows = StoredProduct.FEW + random.size(150);
                StoredMatrix w =
                        TestWeights.random(arena, storage, random.size(60), TestWeights.cols(random, storage), random);
                MemorySegment x = TestWeights.floats(arena, (long) rows * w.cols(), random);
                MemorySegment bias = random.nextBoolean() ? TestWeights.floats(arena, w.rows(), random) : null;
                MemorySegment fast = TestWeights.garbage(arena, (long) rows * w.rows());
                StoredProduct.multiply(x, rows, w.forProducts(PanelType.BFLOAT16), bias, fast);
                MemorySegment weights = arena.allocate(4L * w.rows() * w.cols(), 4);
                w.decode(0, w.rows(), weights);
                StoredMatrix rounded = new StoredMatrix(rounded(arena, weights), Storage.FLOAT32, w.rows(), w.cols());
                MemorySegment slow = TestWeights.garbage(arena, (long) rows * w.rows());
                ScalarProduct.multiply(rounded(arena, x), rows, rounded, bias, slow);
                TestWeights.assertClose(fast, slow, 1e-6 * Math.sqrt(w.cols()) * 4);
            }
        });
    }

    /** The upper halves of the values, rounded to the nearest. */
    private static MemorySegment rounded(Arena arena, MemorySegment values) {
        MemorySegment r = arena.allocate(values.byteSize(), 4);
        for (long i = 0; i < values.byteSize() / 4; i++) {
            int bits = Float.floatToRawIntBits(values.getAtIndex(JAVA_FLOAT_UNALIGNED, i));
            r.setAtIndex(JAVA_FLOAT_UNALIGNED, i, Float.intBitsToFloat(bits + 0x7FFF + (bits >>> 16 & 1) & 0xFFFF0000));
        }
        return r;
    }

    @Test
    void bothShapesOfTheTileAgreeOnEveryMachine() {
        Cases.Random random = Cases.random();
        try (Arena arena = Arena.ofConfined()) {
            int inner = 77;
            int wide = 4 * Native.L;
            MemorySegment x = TestWeights.floats(arena, 4L * inner, random);
            MemorySegment panel = TestWeights.floats(arena, (long) inner * wide, random);
            MemorySegment out = TestWeights.garbage(arena, 4L * wide);
            long xa = x.address();
            long o = out.address();
            long step = 4L * inner;
            long os = 4L * wide;
            TileKernel.wide(
                    xa,
                    xa + step,
                    xa + 2 * step,
                    xa + 3 * step,
                    panel.address(),
                    inner,
                    o,
                    o + os,
                    o + 2 * os,
                    o + 3 * os);
            MemorySegment half = arena.allocate(4L * inner * 2 * Native.L, 64);
            for (int k = 0; k < inner; k++) {
                MemorySegment.copy(panel, 4L * k * wide, half, 8L * k * Native.L, 8L * Native.L);
            }
            MemorySegment narrow = TestWeights.garbage(arena, 4L * 2 * Native.L);
            long n = narrow.address();
            long ns = 8L * Native.L;
            TileKernel.narrow(
                    xa,
                    xa + step,
                    xa + 2 * step,
                    xa + 3 * step,
                    half.address(),
                    inner,
                    n,
                    n + ns,
                    n + 2 * ns,
                    n + 3 * ns);
            for (int r = 0; r < 4; r++) {
                for (int j = 0; j < 2 * Native.L; j++) {
                    assertThat(narrow.getAtIndex(JAVA_FLOAT_UNALIGNED, (long) r * 2 * Native.L + j))
                            .isEqualTo(out.getAtIndex(JAVA_FLOAT_UNALIGNED, (long) r * wide + j));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1"})
    void rowsOfBlocksAreReadAlikeWithAndWithoutVectors(Storage storage) {
        Cases.check(40, random -> {
            try (Arena arena = Arena.ofConfined()) {
                StoredMatrix w = TestWeights.random(arena, storage, 1, TestWeights.cols(random, storage), random);
                MemorySegment x = TestWeights.floats(arena, w.cols(), random);
                MemorySegment sums = arena.allocate(4L * w.cols() / 32, 4);
                BlockDots.sums(x.address(), w.cols(), sums.address());
                float vectors = BlockDots.dot(storage, x.address(), sums.address(), w.address(0), w.cols());
                MemorySegment two = TestWeights.garbage(arena, 2);
                BlockDots.two(storage, x.address(), sums.address(), w.address(0), 0, w.cols(), two.address());
                for (int i = 0; i < 2; i++) {
                    assertThat(two.getAtIndex(JAVA_FLOAT_UNALIGNED, i)).isEqualTo(vectors);
                }
                float scalar = BlockDots.scalar(storage, x.address(), w.address(0), w.cols());
                double size = 0;
                float[] row = ScalarProduct.decoded(w)[0];
                for (int i = 0; i < row.length; i++) {
                    size += Math.abs((double) row[i] * x.getAtIndex(JAVA_FLOAT_UNALIGNED, i));
                }
                assertThat((double) vectors).isCloseTo(scalar, org.assertj.core.data.Offset.offset(1e-6 * size));
            }
        });
    }

    @Test
    void nanReachesExactlyItsRow() {
        Cases.Random random = Cases.random();
        try (Arena arena = Arena.ofConfined()) {
            StoredMatrix w = TestWeights.random(arena, Storage.FLOAT32, 70, 33, random);
            for (int rows : new int[] {3, 21}) {
                MemorySegment x = TestWeights.floats(arena, rows * 33L, random);
                x.setAtIndex(JAVA_FLOAT_UNALIGNED, 2 * 33 + 5, Float.NaN);
                MemorySegment out = TestWeights.garbage(arena, rows * 70L);
                StoredProduct.multiply(x, rows, w, null, out);
                for (int r = 0; r < rows; r++) {
                    assertThat(Float.isNaN(out.getAtIndex(JAVA_FLOAT_UNALIGNED, r * 70L + 69)))
                            .isEqualTo(r == 2);
                }
            }
        }
    }

    @Test
    void aResultDoesNotDependOnThreadsOrOnOtherRows() throws Exception {
        Cases.Random random = Cases.random();
        try (Arena arena = Arena.ofShared()) {
            StoredMatrix w = TestWeights.random(arena, Storage.BFLOAT16, 300, 500, random);
            MemorySegment x = TestWeights.floats(arena, 200 * 500L, random);
            MemorySegment together = TestWeights.garbage(arena, 200 * 300L);
            StoredProduct.multiply(x, 200, w, null, together);
            MemorySegment alone = TestWeights.garbage(arena, 100 * 300L);
            Thread thread = new Thread(() -> {
                Team.alone();
                StoredProduct.multiply(x.asSlice(4L * 100 * 500), 100, w, null, alone);
            });
            thread.start();
            thread.join();
            assertThat(together.asSlice(4L * 100 * 300).mismatch(alone)).isEqualTo(-1);
        }
    }

    @Test
    void memoryThatIsTooSmallIsRefusedBeforeAnythingIsRead() {
        try (Arena arena = Arena.ofConfined()) {
            StoredMatrix w = TestWeights.random(arena, Storage.FLOAT32, 4, 4, Cases.random());
            MemorySegment small = arena.allocate(4 * 3, 4);
            MemorySegment enough = arena.allocate(4 * 4, 4);
            assertThatThrownBy(() -> StoredProduct.multiply(small, 1, w, null, enough))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> StoredProduct.multiply(enough, 1, w, null, small))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new StoredMatrix(small, Storage.FLOAT32, 2, 2))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
