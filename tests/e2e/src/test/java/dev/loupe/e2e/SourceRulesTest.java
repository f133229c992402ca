package dev.loupe.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Rules over the source files that no compiler checks. */
class SourceRulesTest {
    private static final List<String> MODULES =
            List.of("activations-store", "sae-train", "server", "ui", "tests/fixtures", "tests/bench", "tests/dist");

    /** Ways to make markup from strings, through which the text of a token could become part of the page. */
    private static final Pattern MARKUP_FROM_STRINGS = Pattern.compile(
            "\\binnerHTML\\b|\\bouterHTML\\b|\\binsert\\w+HTML\\b|\\bdocument\\.write|\\bcreateContextualFragment\\b"
                    + "|\\bDOMParser\\b|\\bsetHTML|new Html\\(");

    @Test
    void every_package_says_what_belongs_there_and_is_null_marked() throws IOException {
        List<Path> packages = new ArrayList<>();
        for (String module : MODULES) {
            for (Path file : files(ProjectRoot.resolve(module).resolve("src/main/java"), ".java")) {
                if (!packages.contains(file.getParent())) {
                    packages.add(file.getParent());
                }
            }
        }
        assertThat(packages)
                .hasSizeGreaterThan(20)
                .allSatisfy(folder -> assertThat(folder.resolve("package-info.java"))
                        .exists()
                        .content()
                        .contains("@NullMarked")
                        .contains("/**"));
    }

    @Test
    void the_web_pages_make_no_markup_from_strings() throws IOException {
        List<Path> files = new ArrayList<>();
        for (String module : List.of("ui", "server")) {
            Path sources = ProjectRoot.resolve(module).resolve("src/main");
            files.addAll(files(sources, ".js"));
            files.addAll(files(sources, ".java"));
            files.addAll(files(sources, ".html"));
        }
        assertThat(files)
                .isNotEmpty()
                .allSatisfy(file -> assertThat(MARKUP_FROM_STRINGS
                                .matcher(Files.readString(file))
                                .results()
                                .map(r -> r.group()))
                        .as("%s: text of tokens reaches the page by textContent only", file)
                        .isEmpty());
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(f -> f.toString().endsWith(ending)).toList();
        }
    }
}
