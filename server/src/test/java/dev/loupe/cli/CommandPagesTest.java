package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The pages of commands say what the commands say. {@code -Dloupe.pages=renew} writes them anew. */
class CommandPagesTest {
    @Test
    void thePagesAreThoseOfTheseCommands() throws IOException {
        if (System.getProperty("loupe.pages", "").equals("renew")) {
            CommandPages.write();
        }
        Map<String, String> all = CommandPages.all();
        assertThat(all).hasSizeGreaterThan(15);
        for (Map.Entry<String, String> page : all.entrySet()) {
            assertThat(CommandPages.FOLDER.resolve(page.getKey()))
                    .exists()
                    .content()
                    .isEqualTo(page.getValue());
        }
        try (Stream<Path> files = Files.list(CommandPages.FOLDER)) {
            assertThat(files.map(f -> f.getFileName().toString())).containsExactlyInAnyOrderElementsOf(all.keySet());
        }
    }
}
