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

    private static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }
}
