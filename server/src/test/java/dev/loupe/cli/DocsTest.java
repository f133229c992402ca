package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the pages for people name is there: classes, files, pages that they link to. */
class DocsTest {
    private static final Set<String> NOT_OURS = Set.of("target", "node_modules", "frontend", "shared");

    /** A name of at least two humps between back quotes. */
    private static final Pattern CLASS = Pattern.compile("`([A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+)`");

    private static final Pattern FILE =
            Pattern.compile("`([\\w.-]+(?:/[\\w.-]+)+\\.(?:java|py|sh|js|md|txt|xml|json))`");
    private static final Pattern LINK = Pattern.compile("]\\((?!https?:|#)([^)#\\s]+)");
    private static final Pattern WORD = Pattern.compile("\\b[A-Z]\\w+");

    private static final List<Path> FILES = new ArrayList<>();

    @BeforeAll
    static void list() throws IOException {
        Files.walkFileTree(ProjectRoot.path(), new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                String name = folder.getFileName().toString();
                boolean ours = folder.equals(ProjectRoot.path()) || !NOT_OURS.contains(name) && !name.startsWith(".");
                return ours ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                FILES.add(file);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static List<Path> pages() {
        return FILES.stream().filter(f -> f.toString().endsWith(".md")).toList();
    }

    @Test
    void classesThatPagesNameAreInTheSources() throws IOException {
        Set<String> words = new HashSet<>();
        for (Path file : FILES) {
            if (file.toString().endsWith(".java") || file.toString().endsWith(".js")) {
                Matcher m = WORD.matcher(Files.readString(file));
                while (m.find()) {
                    words.add(m.group());
                }
            }
        }
        List<String> gone = new ArrayList<>();
        int seen = 0;
        for (Path page : pages()) {
            if (page.getFileName().toString().startsWith("coming-from")) {
                continue; // classes of other programs
            }
            Matcher m = CLASS.matcher(Files.readString(page));
            while (m.find()) {
                seen++;
                if (!words.contains(m.group(1))) {
                    gone.add(page.getFileName() + ": " + m.group(1));
                }
            }
        }
        assertThat(gone).isEmpty();
        assertThat(seen).isGreaterThan(40);
    }

    @Test
    void filesThatPagesNameAreThere() throws IOException {
        List<String> gone = new ArrayList<>();
        int seen = 0;
        for (Path page : pages()) {
            String text = Files.readString(page);
            Matcher link = LINK.matcher(text);
            while (link.find()) {
                seen++;
                if (!Files.exists(page.resolveSibling(link.group(1)))) {
                    gone.add(page.getFileName() + " links to " + link.group(1));
                }
            }
            Matcher file = FILE.matcher(text);
            while (file.find()) {
                String name = file.group(1);
                if (!name.contains("NAME")
                        && page.toString().contains("add-a")) { // the guides, which are followed word by word
                    seen++;
                    if (FILES.stream().noneMatch(f -> f.endsWith(name))) {
                        gone.add(page.getFileName() + ": " + name);
                    }
                }
            }
        }
        assertThat(gone).isEmpty();
        assertThat(seen).isGreaterThan(40);
    }
}
