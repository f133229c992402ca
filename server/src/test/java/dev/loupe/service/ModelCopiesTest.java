package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.AtomicFiles;
import dev.loupe.model.LanguageModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model comes to a machine once, however many processes of it ask at the same time. */
class ModelCopiesTest {
    @TempDir
    Path folder;

    /** Started as a process of its own: copies a model when it is told to, and says where the copy is and which it is. */
    static final class Process {
        public static void main(String[] args) throws IOException {
            ModelCopies copies = new ModelCopies(Map.of(ModelCopies.FOLDER, args[1]));
            System.out.println("ready");
            if (System.in.read() < 0) {
                throw new IOException("the test has ended");
            }
            Path copy = copies.of(Path.of(args[0]));
            System.out.println(copy + " " + key(copy));
        }
    }

    /** Another one if the folder was made again. */
    private static String key(Path folder) throws IOException {
        return String.valueOf(
                Files.readAttributes(folder, BasicFileAttributes.class).fileKey());
    }

    @Test
    void two_processes_at_once_make_one_copy_and_both_open_it() throws Exception {
        Path model = LanguageModels.builtin(folder.resolve("shared"));
        Path cache = folder.resolve("cache");
        List<java.lang.Process> all = new ArrayList<>();
        List<String> said = new ArrayList<>();
        try {
            for (int i = 0; i < 2; i++) {
                all.add(new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java")
                                        .toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Process.class.getName(),
                                model.toString(),
                                cache.toString())
                        .redirectError(folder.resolve("err" + i).toFile()) // what Java itself warns of is no answer
                        .start());
            }
            for (java.lang.Process p : all) {
                assertThat(p.inputReader().readLine()).isEqualTo("ready");
            }
            assertThat(cache).doesNotExist();
            for (java.lang.Process p : all) {
                p.getOutputStream().write('\n');
                p.getOutputStream().flush();
            }
            for (java.lang.Process p : all) {
                said.add(p.inputReader().readLine());
                assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(p.exitValue()).as(said.toString()).isZero();
            }
        } finally {
            all.forEach(java.lang.Process::destroyForcibly);
        }
        Path copy = Path.of(said.getFirst().split(" ")[0]);
        assertThat(said).as("the copy that both opened was made once").containsOnly(copy + " " + key(copy));
        assertThat(copy).startsWith(cache);
        try (Stream<Path> there = Files.list(cache)) {
            assertThat(there.map(p -> p.getFileName().toString()))
                    .containsExactlyInAnyOrder(copy.getFileName().toString(), "." + copy.getFileName() + ".lock");
        }
        assertThat(LanguageModels.isModel(copy)).isTrue();
        assertThat(names(copy)).isEqualTo(names(model)).contains("model.safetensors", "config.json");
        for (String name : names(model)) {
            assertThat(copy.resolve(name)).hasSameBinaryContentAs(model.resolve(name));
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString())
                    .filter(n -> !n.startsWith("."))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void half_a_copy_of_a_process_that_died_is_no_copy_and_goes() throws Exception {
        Path model = Files.createDirectories(folder.resolve("m"));
        Files.writeString(model.resolve("model.safetensors"), "weights");
        Path cache = folder.resolve("cache");
        ModelCopies copies = new ModelCopies(Map.of(ModelCopies.FOLDER, cache.toString()));
        Path copy = copies.of(model);
        Path half = AtomicFiles.temporary(copy);
        Files.move(copy, half);
        Files.writeString(half.resolve("model.safetensors"), "wei");
        assertThat(copies.of(model)).isEqualTo(copy);
        assertThat(copy.resolve("model.safetensors")).hasContent("weights");
        assertThat(half).doesNotExist();
    }

    @Test
    void another_model_of_the_same_name_is_another_copy_and_a_local_one_stays_where_it_is() throws Exception {
        Path model = Files.createDirectories(folder.resolve("m"));
        Path weights = Files.writeString(model.resolve("model.safetensors"), "weights");
        ModelCopies copies = new ModelCopies(
                Map.of(ModelCopies.FOLDER, folder.resolve("cache").toString()));
        Path first = copies.of(model);
        assertThat(first).startsWith(folder.resolve("cache"));
        assertThat(first.resolve("model.safetensors")).hasContent("weights");
        String made = key(first);
        assertThat(copies.of(model)).isEqualTo(first);
        assertThat(key(first)).as("nothing was copied again").isEqualTo(made);
        Files.writeString(weights, "others!");
        Files.setLastModifiedTime(weights, FileTime.fromMillis(1_000_000));
        Path second = copies.of(model);
        assertThat(second).isNotEqualTo(first);
        assertThat(second.resolve("model.safetensors")).hasContent("others!");
        assertThat(copies.of(weights)).hasContent("others!").hasFileName("model.safetensors");
        assertThat(first.resolve("model.safetensors"))
                .as("who has the old one open keeps it")
                .hasContent("weights");
        assertThat(new ModelCopies(Map.of("XDG_CACHE_HOME", folder.toString())).of(model))
                .isEqualTo(model);
        assertThat(folder.resolve("loupe")).doesNotExist();
    }
}
