package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A capture whose shards travel as JSON, come back in any order, more than once, or damaged. */
class ShardTasksTest {
    @TempDir
    Path folder;

    private Path text;

    @BeforeEach
    void text() throws IOException {
        text = ToyText.in(folder);
    }

    private CaptureRequest request(String in) {
        return ToyText.request(text, folder.resolve(in), "s", 9_000);
    }

    /** Does tasks as a cluster would: every one travels as JSON, in a random order, some of them twice. */
    private static class Scattered implements TaskExecutor {
        private final Random random;
        final List<Object> done = new ArrayList<>();

        Scattered(long seed) {
            this.random = new Random(seed);
        }

        void before(Task<?> task, Object result) {}

        @Override
        public <T extends Task<R>, R> void run(
                Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> taken, Progress progress) {
            List<T> all = new ArrayList<>();
            tasks.forEachRemaining(all::add);
            Collections.shuffle(all, random);
            for (T task : all) {
                @SuppressWarnings("unchecked")
                T travelled = (T) Json.MAPPER.readValue(Json.line(task), task.getClass());
                assertThat(Json.line(travelled)).isEqualTo(Json.line(task));
                R first = here.apply(travelled, Progress.silent());
                R result = random.nextBoolean()
                        ? here.apply(travelled, Progress.silent())
                        : first; // a speculative attempt
                R arrived = Json.MAPPER.readValue(Json.line(result), results);
                before(task, arrived);
                try {
                    taken.accept(task, arrived);
                } catch (Refused e) {
                    done.add(e);
                    taken.accept(task, here.apply(travelled, Progress.silent()));
                }
            }
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public int slots() {
            return 3;
        }
    }

    private CaptureResult capture(String in, TaskExecutor executor) {
        return CaptureJob.run(request(in), new ToyModel(), executor, Progress.silent(), 1024);
    }

    @Test
    void scattered_shards_make_the_bytes_of_a_local_capture() throws IOException {
        capture("local", TaskExecutor.local());
        for (long seed = 0; seed < 4; seed++) {
            CaptureResult r = capture("far" + seed, new Scattered(seed));
            assertThat(r.shards()).isGreaterThan(7);
            assertThat(checksums(folder.resolve("far" + seed + "/s"))).isEqualTo(checksums(folder.resolve("local/s")));
            assertThat(folder.resolve("far" + seed + "/.s.partial")).doesNotExist();
        }
    }

    @Test
    void a_shard_that_was_damaged_after_it_was_written_is_made_again() throws IOException {
        capture("local", TaskExecutor.local());
        Scattered cluster = new Scattered(9) {
            private boolean damaged;

            @Override
            void before(Task<?> task, Object result) {
                if (!damaged) {
                    damaged = true;
                    damage(folder.resolve("far/.s.partial/" + ToyText.HOOKS.getFirst()));
                }
            }
        };
        capture("far", cluster);
        assertThat(cluster.done).hasSize(1);
        assertThat(cluster.done.getFirst().toString()).contains("damaged");
        assertThat(checksums(folder.resolve("far/s"))).isEqualTo(checksums(folder.resolve("local/s")));
    }

    private static void damage(Path hook) {
        try (Stream<Path> files = Files.list(hook)) {
            for (Path file : files.toList()) {
                byte[] bytes = Files.readAllBytes(file);
                bytes[bytes.length / 2] ^= 4;
                Files.write(file, bytes);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void a_driver_that_died_keeps_all_whole_shards_not_only_the_first() throws IOException {
        capture("local", TaskExecutor.local());
        Scattered dying = new Scattered(4) {
            private int taken;

            @Override
            void before(Task<?> task, Object result) {
                if (taken++ == 5) {
                    throw new IllegalStateException("the driver dies");
                }
            }
        };
        assertThatThrownBy(() -> capture("far", dying)).hasMessage("the driver dies");
        CaptureResult again = capture("far", new Scattered(5));
        assertThat(again.shardsKept()).isEqualTo(5);
        assertThat(checksums(folder.resolve("far/s"))).isEqualTo(checksums(folder.resolve("local/s")));
    }

    @Test
    void a_task_of_a_capture_that_ended_or_of_another_model_is_refused() {
        List<CaptureShardTask> tasks = new ArrayList<>();
        Scattered cluster = new Scattered(1) {
            @Override
            void before(Task<?> task, Object result) {
                tasks.add((CaptureShardTask) task);
                if (tasks.size() == 1) {
                    assertThatThrownBy(() -> new ShardCapture(new ToyModel("other", Integer.MAX_VALUE))
                                    .run((CaptureShardTask) task, Progress.silent()))
                            .isInstanceOf(LoupeException.class)
                            .hasMessageContaining("other weights");
                }
            }
        };
        capture("far", cluster);
        assertThatThrownBy(() -> new ShardCapture(new ToyModel()).run(tasks.getFirst(), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("no store in the making");
        assertThat(folder.resolve("far/.s.partial")).doesNotExist();
    }

    private static Map<String, String> checksums(Path store) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(store)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.put(store.relativize(file).toString(), Checksums.sha256(file));
            }
        }
        return all;
    }
}
