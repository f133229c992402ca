package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Checksums;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.ProjectRoot;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A writer in a process of its own is killed (SIGKILL) again and again while it writes; the next one goes on. */
class KilledWriterTest {
    private static final int KILLS = 52;
    private static final int LONGEST_LIFE_MILLIS = 120;

    @TempDir
    Path folder;

    @Test
    void a_store_whose_writer_was_killed_at_any_moment_ends_bit_for_bit_like_an_undisturbed_one() throws Exception {
        Cases.Random random = Cases.random();
        int kills = 0;
        int stores = 0;
        int lives = 0;
        while (kills < KILLS) {
            long content = random.nextInt(1, 1_000_000);
            Path undisturbed = folder.resolve("whole-" + stores).resolve("s");
            Path store = folder.resolve("killed-" + stores++).resolve("s");
            write(undisturbed, content);
            while (!Files.exists(store)) {
                assertThat(lives++).as("processes").isLessThan(10 * KILLS);
                kills += live(store, content, kills < KILLS ? random.nextInt(LONGEST_LIFE_MILLIS) : -1) ? 1 : 0;
            }
            assertThat(bytes(store)).isEqualTo(bytes(undisturbed));
            try (ActivationStore opened = ActivationStore.open(store)) {
                assertThat(opened.verify(Progress.silent()).problems()).isEmpty();
            }
            try (Stream<Path> left = Files.list(store.getParent())) {
                assertThat(left.map(f -> f.getFileName().toString()).filter(n -> !n.equals(".s.lock")))
                        .containsExactly("s");
            }
        }
        System.out.println("KilledWriterTest: " + kills + " kills, " + lives + " processes, " + stores + " stores");
    }

    /** One life of a writer; whether it was killed while it wrote. */
    private boolean live(Path store, long content, int millis) throws IOException, InterruptedException {
        Path log = folder.resolve("child.log");
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@" + ProjectRoot.resolve(".jvmopts"),
                        "-XX:+UseSerialGC",
                        "-XX:-UseParallelGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "-Xmx200m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        store.toString(),
                        Long.toString(content))
                .redirectError(log.toFile())
                .start();
        try (BufferedReader out = child.inputReader()) {
            String line = out.readLine();
            assertThat(line).as(() -> text(log)).isEqualTo("writing");
            if (millis >= 0 && !child.waitFor(millis, TimeUnit.MILLISECONDS)) {
                child.destroyForcibly();
                child.waitFor();
                return child.exitValue() != 0;
            }
            assertThat(child.waitFor()).as(() -> text(log)).isZero();
            return false;
        }
    }

    private static String text(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Writes a store and ends. */
    static final class Child {
        public static void main(String[] args) {
            Path store = Path.of(args[0]);
            Content content = content(Long.parseLong(args[1]));
            System.out.println("writing");
            write(store, content);
        }
    }

    private record Content(StoreSpec spec, TestStores.Expected expected) {}

    private static Content content(long seed) {
        Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        hooks.put("a", new StoreSpec.HookSpec(7, Dtype.FLOAT32));
        hooks.put("b", new StoreSpec.HookSpec(3, Dtype.BF16));
        return new Content(TestStores.spec("s", hooks), TestStores.random(Cases.Random.of(seed), 150, hooks));
    }

    private static void write(Path store, long seed) {
        write(store, content(seed));
    }

    private static void write(Path store, Content content) {
        try (StoreWriter writer = StoreWriter.create(store, content.spec)) {
            TestStores.write(writer, content.spec, content.expected, Integer.MAX_VALUE);
        }
    }

    private static Map<String, String> bytes(Path store) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(store)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.put(store.relativize(file).toString(), Checksums.sha256(file));
            }
        }
        return all;
    }
}
