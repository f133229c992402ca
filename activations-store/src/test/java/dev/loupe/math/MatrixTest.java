package dev.loupe.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class MatrixTest {

    @Test
    void rowsAreContiguousAndViewsShareMemory() {
        Matrix m = Matrix.copyOf(new float[][] {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
        Matrix view = m.rows(1, 3);
        assertThat(view.row(0)).containsExactly(4, 5, 6);
        view.set(1, 2, -1);
        assertThat(m.get(2, 2)).isEqualTo(-1);
        assertThat(m.offset(2)).isEqualTo(24);
    }

    @Test
    void transposingMovesEveryElement() {
        Cases.check(40, random -> {
            float[][] a = random.matrix(random.size(80), random.size(80));
            try (Arena arena = Arena.ofConfined()) {
                Matrix t = Matrix.copyOf(a).transposed(arena);
                for (int r = 0; r < a.length; r++) {
                    for (int c = 0; c < a[0].length; c++) {
                        assertThat(t.get(c, r)).isEqualTo(a[r][c]);
                    }
                }
            }
        });
    }

    @Test
    void wrongSizesAreRefused() {
        assertThatThrownBy(() -> Matrix.of(MemorySegment.ofArray(new float[5]), 2, 3))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("24 bytes");
        Matrix m = Matrix.copyOf(new float[][] {{1, 2}});
        assertThatThrownBy(() -> m.get(0, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> m.rows(0, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
