package dev.loupe.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
    @TempDir
    Path folder;

    @Test
    void a_file_appears_whole() throws IOException {
        Path file = folder.resolve("deep/inside/a.txt");
        AtomicFiles.writeString(file, "first");
        AtomicFiles.writeString(file, "second");
        assertThat(file).hasContent("second");
        assertThat(names(file.getParent())).containsExactly("a.txt");
    }

    @Test
    void a_failed_write_leaves_the_old_file_and_nothing_else() throws IOException {
        Path file = folder.resolve("a.txt");
        AtomicFiles.writeString(file, "old");
        assertThatThrownBy(() -> AtomicFiles.write(file, out -> {
                    out.write(new byte[100_000]);
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("disk is full")
                .hasMessageContaining("a.txt");
        assertThat(file).hasContent("old");
        assertThat(names(folder)).containsExactly("a.txt");
    }

    @Test
    void a_published_folder_replaces_the_old_one() throws IOException {
        Path target = folder.resolve("artifact");
        for (String content : List.of("old", "new")) {
            Path temporary = AtomicFiles.temporary(target);
            assertThat(AtomicFiles.isTemporary(temporary)).isTrue();
            Files.createDirectories(temporary.resolve("inner"));
            Files.writeString(temporary.resolve("inner/file"), content);
            AtomicFiles.publishFolder(temporary, target);
        }
        assertThat(target.resolve("inner/file")).hasContent("new");
        assertThat(names(folder)).containsExactly("artifact");
    }

    @Test
    void a_folder_is_written_whole_and_one_that_failed_leaves_nothing() throws IOException {
        Path target = folder.resolve("deep/artifact");
        AtomicFiles.writeFolder(target, made -> Files.writeString(made.resolve("file"), "old"));
        for (Exception why : List.of(
                new IOException("No space left on device"),
                new java.io.UncheckedIOException(new IOException("No space left on device")))) {
            assertThatThrownBy(() -> AtomicFiles.writeFolder(target, made -> {
                        Files.writeString(made.resolve("file"), "new");
                        if (why instanceof IOException e) {
                            throw e;
                        }
                        throw (RuntimeException) why;
                    }))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("disk is full")
                    .hasMessageContaining("artifact");
        }
        assertThatThrownBy(() -> AtomicFiles.writeFolder(target, made -> {
                    throw new CancelledException();
                }))
                .isInstanceOf(CancelledException.class);
        assertThat(target.resolve("file")).hasContent("old");
        assertThat(names(target.getParent())).containsExactly("artifact");
    }

    @Test
    void a_file_never_takes_the_place_of_a_folder() throws IOException {
        Path mine = Files.createDirectories(folder.resolve("mine"));
        Files.writeString(mine.resolve("letter"), "dear");
        assertThatThrownBy(() -> AtomicFiles.writeString(mine, "x"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("is a folder")
                .hasMessageContaining("mine");
        assertThat(mine.resolve("letter")).hasContent("dear");
        assertThat(names(folder)).containsExactly("mine");
    }

    private static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }
}
