package dev.loupe.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The coverage table names what there is, and everything there is. */
class CoverageTest {
    private static final Pattern ROW =
            Pattern.compile("\\| (\\d+) \\| (.+) \\| (core|supporting|outside) \\| (.+) \\|");
    private static final Pattern DIAGNOSTIC = Pattern.compile("diagnostic `([a-z0-9-]+)`");
    private static final Pattern TYPE = Pattern.compile("`(dev\\.loupe\\.[A-Za-z.]+)`");

    private record Row(int number, String kind, String what) {}

    private static List<Row> rows() throws IOException {
        return Files.readAllLines(ProjectRoot.path().resolve("sae-train/docs/coverage.md")).stream()
                .map(ROW::matcher)
                .filter(Matcher::matches)
                .map(m -> new Row(Integer.parseInt(m.group(1)), m.group(3), m.group(4)))
                .toList();
    }

    @Test
    void everyTitleIsListedOnceWithItsClass() throws IOException {
        assertThat(rows())
                .extracting(Row::number)
                .doesNotHaveDuplicates()
                .hasSize(119)
                .contains(1, 119);
        assertThat(rows()).filteredOn(r -> r.kind().equals("core")).hasSize(5);
        assertThat(rows()).filteredOn(r -> r.kind().equals("supporting")).hasSize(34);
    }

    @Test
    void whatIsNamedExistsAndEveryDiagnosticIsNamed() throws IOException {
        Set<String> named = new HashSet<>();
        for (Row row : rows()) {
            Set<String> here = new HashSet<>();
            for (Matcher m = DIAGNOSTIC.matcher(row.what()); m.find(); ) {
                here.add(m.group(1));
                assertThat(Diagnostics.of(m.group(1)))
                        .as("row %d", row.number())
                        .isNotNull();
            }
            named.addAll(here);
            for (Matcher m = TYPE.matcher(row.what()); m.find(); ) {
                String type = m.group(1);
                here.add(type);
                assertThatCode(() -> Class.forName(type, false, CoverageTest.class.getClassLoader()))
                        .as("row %d", row.number())
                        .doesNotThrowAnyException();
            }
            if (row.kind().equals("outside")) {
                assertThat(row.what()).as("row %d", row.number()).startsWith("outside: ");
            } else {
                assertThat(here).as("row %d", row.number()).isNotEmpty();
            }
        }
        assertThat(named)
                .containsExactlyInAnyOrderElementsOf(
                        Diagnostics.all().stream().map(Diagnostic::id).toList());
    }
}
