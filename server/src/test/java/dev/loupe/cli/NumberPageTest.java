package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.eval.SaeReport;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

/** The page of numbers is what the sources say. {@code -Dloupe.pages=renew} writes it anew. */
class NumberPageTest {
    @Test
    void thePageIsThatOfTheseSources() throws IOException {
        String page = NumberPage.text();
        if (System.getProperty("loupe.pages", "").equals("renew")) {
            Files.writeString(NumberPage.FILE, page);
        }
        assertThat(NumberPage.FILE).exists().content().isEqualTo(page);
        for (RecordComponent c : SaeReport.class.getRecordComponents()) {
            assertThat(page)
                    .contains("`"
                            + c.getName()
                                    .replaceAll("([a-z0-9])([A-Z])", "$1_$2")
                                    .toLowerCase() + "` | ");
        }
        assertThat(page).contains("`kl`", "`gap`", "`dormant", "arXiv");
        assertThat(page.lines().filter(l -> l.startsWith("| `")))
                .hasSizeGreaterThan(150)
                .noneMatch(l -> l.endsWith("`|  |"));
    }
}
