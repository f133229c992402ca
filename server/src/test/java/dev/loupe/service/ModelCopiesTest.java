package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.model.LanguageModels;
import java.nio.file.Files;
import java.nio.file.Path;
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

    /** Started as a process of its own: copies a model and says where it is and whether it made the copy. */
    static final class Process {
        public static void main(String[] args) {
            long before = System.nanoTime();
            Path copy = new ModelCopies(Map.of(ModelCopies.FOLDER, args[1])).of(Path.of(args[0]));
            System.out.println(copy + " " + (System.nanoTime() - before));
        }
    }

    @Test
    void two_processes_at_once_make_one_copy_and_both_open_it() throws Exception {
        Path model = LanguageModels.builtin(folder.resolve("shared"));
        Path cache = folder.resolve("cache");
        List<java.lang.Process> all = new ArrayList<>();
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
                    .redirectErrorStream(true)
                    .start());
        }
        List<String> copies = new ArrayList<>();
        for (java.lang.Process p : all) {
            String said = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(p.exitValue()).as(said).isZero();
            copies.add(said.strip().replaceAll("(?s).*\n", "").split(" ")[0]);
        }
        assertThat(copies.get(0)).isEqualTo(copies.get(1)).startsWith(cache.toString());
        try (Stream<Path> there = Files.list(cache)) {
            assertThat(there.filter(Files::isDirectory)).hasSize(1);
        }
        assertThat(LanguageModels.isModel(Path.of(copies.get(0)))).isTrue();
        try (Stream<Path> files = Files.list(model)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                assertThat(Path.of(copies.get(0)).resolve(f.getFileName())).hasSameBinaryContentAs(f);
            }
        }
    }

    @Test
    void another_model_of_the_same_name_is_another_copy_and_a_local_one_stays_where_it_is() throws Exception {
        Path model = Files.createDirectories(folder.resolve("m"));
        Path weights = Files.writeString(model.resolve("model.safetensors"), "weights");
        ModelCopies copies = new ModelCopies(
                Map.of(ModelCopies.FOLDER, folder.resolve("cache").toString()));
        Path first = copies.of(model);
        assertThat(copies.of(model)).isEqualTo(first);
        Files.writeString(weights, "others!");
        Files.setLastModifiedTime(weights, FileTime.fromMillis(1_000_000));
        Path second = copies.of(model);
        assertThat(second).isNotEqualTo(first);
        assertThat(second.resolve("model.safetensors")).hasContent("others!");
        assertThat(copies.of(weights)).hasContent("others!").hasFileName("model.safetensors");
        assertThat(new ModelCopies(Map.of("XDG_CACHE_HOME", folder.toString())).of(model))
                .isEqualTo(model);
    }
}
