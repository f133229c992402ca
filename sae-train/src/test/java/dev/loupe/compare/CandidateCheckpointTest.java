package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CandidateCheckpointTest {
    @TempDir
    Path folder;

    @Test
    void aStoppedPassGoesOnFromItsLastBlockAndEndsWithTheSameLists() throws Exception {
        Cases.Random random = Cases.random();
        Matrix a = Matrix.copyOf(random.matrix(40, 6));
        Matrix b = Matrix.copyOf(random.matrix(2 * CosineTiles.BLOCK + 100, 6));
        Path file = folder.resolve("cosines");
        UnitRows unitA = UnitRows.of(a);
        UnitRows unitB = UnitRows.of(b);
        Candidates whole = Candidates.of(unitA, unitB, 8, CandidateFile.NONE, Progress.silent());

        int[] blocks = {0};
        Progress stops = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long done) {
                blocks[0]++;
            }

            @Override
            public boolean cancelled() {
                return blocks[0] == 2;
            }
        };
        assertThatThrownBy(() -> Candidates.of(unitA, unitB, 8, new CandidateCheckpoint(file, a, b, 0), stops))
                .isInstanceOf(CancelledException.class);
        assertThat(file).isNotEmptyFile();

        CandidateCheckpoint kept = new CandidateCheckpoint(file, a, b, 0);
        Candidates resumed = Candidates.of(unitA, unitB, 8, kept, Progress.silent());
        assertThat(kept.resumedFrom()).isEqualTo(2 * CosineTiles.BLOCK);
        same(resumed.byRow, whole.byRow);
        same(resumed.byColumn, whole.byColumn);

        // other weights, another list length or damage: not used
        a.set(3, 2, 5);
        assertThat(restored(new CandidateCheckpoint(file, a, b, 0), 40, 2 * CosineTiles.BLOCK + 100, 8))
                .isZero();
        CandidateCheckpoint other = new CandidateCheckpoint(file, b, b, 0);
        assertThat(restored(other, 40, 2 * CosineTiles.BLOCK + 100, 8)).isZero();
        assertThat(restored(kept, 40, 2 * CosineTiles.BLOCK + 100, 9)).isZero();
        assertThat(restored(kept, 40, 2 * CosineTiles.BLOCK + 100, 8)).isPositive();
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 4;
        Files.write(file, bytes);
        assertThat(restored(kept, 40, 2 * CosineTiles.BLOCK + 100, 8)).isZero();
    }

    private static int restored(CandidateCheckpoint file, int n, int m, int listed) {
        return file.restore(new TopLists(n, listed), new TopLists(m, listed));
    }

    private static void same(TopLists found, TopLists wanted) {
        for (int list = 0; list < wanted.lists(); list++) {
            assertThat(found.size(list)).isEqualTo(wanted.size(list));
            java.util.Set<String> x = new java.util.TreeSet<>();
            java.util.Set<String> y = new java.util.TreeSet<>();
            for (int e = 0; e < wanted.size(list); e++) {
                x.add(found.id(list, e) + " " + found.value(list, e));
                y.add(wanted.id(list, e) + " " + wanted.value(list, e));
            }
            assertThat(x).isEqualTo(y);
        }
    }
}
