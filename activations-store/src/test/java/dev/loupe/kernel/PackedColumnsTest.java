package dev.loupe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class PackedColumnsTest {

    @Test
    void productsAgreeWithThreeLoopsAtAwkwardSizes() {
        Cases.check(30, random -> {
            int m = random.size(40);
            int inner = 1 + random.size(1300);
            int n = random.size(80);
            int[] ends = {random.nextInt(1, inner + 1), inner};
            float[][] w = random.matrix(inner, n);
            float[][] x = random.matrix(m, inner);
            try (Arena arena = Arena.ofConfined()) {
                PackedColumns packed = new PackedColumns(arena, ends, n);
                MemorySegment row = arena.allocate(4L * n);
                for (int k = 0; k < inner; k++) {
                    MemorySegment.copy(w[k], 0, row, ValueLayout.JAVA_FLOAT, 0, n);
                    if (k % 2 == 0) {
                        packed.setRow(k, row, 0);
                    } else {
                        packed.setRow(k, w[k], 0);
                    }
                }
                PackedColumns.Tile tile = packed.tile(arena, m);
                MemorySegment out = arena.allocate(4L * (m + PackedPanels.GROUP) * packed.stride());
                tile.add(0, inner - 1, 7); // of an earlier use
                tile.clear();
                for (int r = 0; r < m; r++) {
                    for (int k = 0; k < inner; k++) {
                        if (random.nextInt(3) == 0) {
                            x[r][k] = 0;
                        } else {
                            tile.add(r, k, x[r][k]);
                        }
                        assertThat(tile.get(r, k)).isEqualTo(x[r][k]);
                    }
                }
                double[][] sums = new double[m][n];
                for (int b = 0; b < packed.blocks(); b++) {
                    assertThat(packed.start(b + 1) <= ends[0] || packed.start(b) >= ends[0])
                            .as("no block reaches over an end")
                            .isTrue();
                    for (int r = 0; tile.multiply(b, out) && r < m; r++) {
                        for (int j = 0; j < n; j++) {
                            sums[r][j] += out.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * packed.stride() + j);
                        }
                    }
                }
                for (int r = 0; r < m; r++) {
                    for (int j = 0; j < n; j++) {
                        double expected = 0;
                        for (int k = 0; k < inner; k++) {
                            expected += (double) x[r][k] * w[k][j];
                        }
                        assertThat(sums[r][j]).isCloseTo(expected, within(1e-6 * inner + 1e-5));
                    }
                }
            }
        });
    }

    @Test
    void aBlockOfZerosIsNotMultiplied() {
        try (Arena arena = Arena.ofConfined()) {
            PackedColumns packed = new PackedColumns(arena, new int[] {PackedColumns.BLOCK + 5}, 3);
            PackedColumns.Tile tile = packed.tile(arena, 1);
            MemorySegment out = arena.allocate(4L * PackedPanels.GROUP * packed.stride());
            tile.add(0, PackedColumns.BLOCK + 1, 2);
            assertThat(tile.multiply(0, out)).isFalse();
            assertThat(tile.multiply(1, out)).isTrue();
        }
    }
}
