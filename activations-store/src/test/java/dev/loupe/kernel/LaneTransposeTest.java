package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class LaneTransposeTest {
    private static final int STEP = 4 * PanelKernel.WIDTH;

    @Test
    void every_lane_comes_to_its_column_and_nothing_else_is_written() {
        Cases.check(60, random -> {
            int rows = random.size(PanelKernel.WIDTH);
            int lanes = random.size(150);
            long stride = 4L * lanes + 2L * random.nextInt(5); // rows of 16-bit weights begin anywhere
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment from = arena.allocate(stride * rows + 4L * lanes, 64);
                for (long i = 0; i + 4 <= from.byteSize(); i += 4) {
                    from.set(JAVA_INT_UNALIGNED, i, random.nextInt(1 << 30));
                }
                MemorySegment panel = arena.allocate((long) STEP * lanes, 64);
                panel.fill((byte) -1);
                MemorySegment java = arena.allocate(panel.byteSize(), 64);
                java.fill((byte) -1);
                LaneTranspose.run(from.address(), stride, rows, lanes, panel.address());
                LaneTranspose.java(from.address(), stride, 0, rows, 0, lanes, java.address());
                assertThat(panel.mismatch(java)).isEqualTo(-1);
                for (int k = 0; k < lanes; k++) {
                    for (int j = 0; j < PanelKernel.WIDTH; j++) {
                        int expected = j < rows ? from.get(JAVA_INT_UNALIGNED, j * stride + 4L * k) : -1;
                        assertThat(panel.get(JAVA_INT_UNALIGNED, (long) k * STEP + 4L * j))
                                .isEqualTo(expected);
                    }
                }
            }
        });
    }

    @Test
    void instructionsAreTheBytesOfTheGnuAssembler() {
        Evex e = new Evex();
        e.lanesOfQuarters(25, 18, 3, false);
        e.lanesOfQuarters(9, 1, 30, true);
        assertThat(HexFormat.of().formatHex(e.bytes())).isEqualTo("62616c4014cb6211744815ce");
    }
}
