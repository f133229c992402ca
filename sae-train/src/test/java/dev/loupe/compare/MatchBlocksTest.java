package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Blocks that are done anywhere, in any order, give the very assignment of one pass. */
class MatchBlocksTest {
    @TempDir
    Path folder;

    /** Does tasks last first, and one of them twice because its file was damaged. */
    private static final class Backwards implements TaskExecutor {
        int refused;
        int done;

        @Override
        public <T extends Task<R>, R> void run(
                Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> take, Progress progress) {
            List<T> all = new ArrayList<>();
            tasks.forEachRemaining(all::add);
            Collections.reverse(all);
            for (T task : all) {
                R made = here.apply(task, progress);
                if (refused == 0) {
                    damage(((MatchBlockTask.Made) made).file());
                    try {
                        take.accept(task, made);
                    } catch (Refused e) {
                        refused++;
                        made = here.apply(task, progress);
                    }
                }
                take.accept(task, made);
                done++;
            }
        }

        private static void damage(Path file) {
            try {
                byte[] bytes = Files.readAllBytes(file);
                bytes[bytes.length - 100] ^= 2;
                Files.write(file, bytes);
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public int slots() {
            return 2;
        }
    }

    @Test
    void blocks_in_any_order_give_the_side_of_one_pass_whichever_is_wider() {
        Cases.Random random = Cases.random();
        Matrix narrow = Matrix.copyOf(random.matrix(60, 7));
        Matrix wide = Matrix.copyOf(random.matrix(2 * MatchBlocks.COLUMNS + 77, 7));
        for (boolean flip : new boolean[] {false, true}) {
            Matrix a = flip ? wide : narrow;
            Matrix b = flip ? narrow : wide;
            Side wanted = Side.certified(a, b, 1e-4, CandidateFile.NONE, Progress.silent());
            Path file = folder.resolve(".cosines-" + flip);
            Backwards cluster = new Backwards();
            MatchBlocks.run(
                    file,
                    a,
                    b,
                    (from, to, memory) -> new MatchBlockTask(folder, folder, 0, from, to, file, memory),
                    "cosines",
                    cluster,
                    Progress.silent());
            assertThat(cluster.refused).isEqualTo(1);
            assertThat(cluster.done).isEqualTo(3);
            CandidateCheckpoint kept = new CandidateCheckpoint(file, a, b, 1e9);
            Side found = Side.certified(a, b, 1e-4, kept, Progress.silent());
            assertThat(kept.resumedFrom()).isEqualTo((int) wide.rows());
            assertThat(found).usingRecursiveComparison().isEqualTo(wanted);
            try (var left = Files.list(folder)) {
                assertThat(left.map(p -> p.getFileName().toString()).filter(n -> n.contains(".tmp-")))
                        .isEmpty();
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }
}
