package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LaneTransposeTest {
    private static final int STEP = 4 * PanelKernel.WIDTH;

    @Test
    void every_lane_of_a_panel_comes_to_its_column_and_nothing_else_is_written() {
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
                LaneTranspose.panel(from.address(), stride, rows, lanes, panel.address());
                LaneTranspose.panelRows(from.address(), stride, 0, rows, 0, lanes, java.address());
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

    @ParameterizedTest
    @EnumSource(
            value = PanelType.class,
            names = {"FLOAT32", "BFLOAT16"})
    void groups_are_the_same_with_and_without_machine_code_and_stay_within_their_memory(PanelType type) {
        Cases.check(60, random -> {
            int rows = random.nextInt(3) == 0 ? 1 + random.nextInt(PanelKernel.HEIGHT) : PanelKernel.HEIGHT;
            int values = random.size(150);
            float[][] x = random.matrix(rows, values);
            x[0][0] = Float.NaN;
            x[rows - 1][values - 1] = Float.POSITIVE_INFINITY;
            x[rows / 2][values / 2] = Float.intBitsToFloat(0x3F808000); // halfway: to the even neighbour
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment from = arena.allocate(4L * rows * values, 64);
                for (int r = 0; r < rows; r++) {
                    MemorySegment.copy(x[r], 0, from, JAVA_FLOAT_UNALIGNED, 4L * r * values, values);
                }
                long bytes = 4L * PanelKernel.HEIGHT * type.steps(values);
                MemorySegment one = arena.allocate(bytes + 64, 64);
                one.fill((byte) -1);
                MemorySegment two = arena.allocate(bytes + 64, 64);
                two.fill((byte) -1);
                LaneTranspose.group(type, from.address(), 4L * values, rows, values, one.address());
                LaneTranspose.groupRows(type, from.address(), 4L * values, rows, values, two.address());
                assertThat(one.mismatch(two)).isEqualTo(-1);
                for (long i = bytes; i < bytes + 64; i += 4) {
                    assertThat(one.get(JAVA_INT_UNALIGNED, i)).isEqualTo(-1);
                }
            }
        });
    }

    @Test
    void instructionsAreTheBytesOfTheGnuAssembler() {
        Evex e = new Evex();
        e.lanesOfQuarters(25, 18, 3, false);
        e.lanesOfQuarters(9, 1, 30, true);
        e.load(19, Evex.R10, Evex.R8, 1, 64);
        e.lowerLanes(12);
        e.storeLower(14, Evex.RCX);
        e.roundPairs(3, 5, 21);
        assertThat(HexFormat.of().formatHex(e.bytes()))
                .isEqualTo("62616c4014cb6211744815ce62817c48105c0201b8ff0f0000c5f892c862717c49113162f2574072dd");
    }
}
