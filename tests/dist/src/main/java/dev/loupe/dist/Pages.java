package dev.loupe.dist;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The pages and pictures that a reader of a release comes to from its README, link by link. */
final class Pages {
    private static final List<String> FIRST = List.of("README.md", "CHANGELOG.md");
    /** Of a link in Markdown or of a picture: its address without what leads to a place in the page. */
    private static final Pattern LINK =
            Pattern.compile("\\]\\(([^)#\\s]+)(?:#[^)]*)?\\)|(?:src|srcset|href)=\"([^\"#]+)(?:#[^\"]*)?\"");

    private Pages() {}

    /**
     * Their paths in a checkout, which are those in the archive.
     *
     * @throws java.nio.file.NoSuchFileException if a link leads nowhere
     */
    static SortedSet<String> of(Path root) throws IOException {
        SortedSet<String> found = new TreeSet<>(FIRST);
        Deque<String> unread = new ArrayDeque<>(FIRST);
        while (!unread.isEmpty()) {
            String page = unread.remove();
            for (String target : links(page, Files.readString(root.resolve(page)))) {
                for (String file : files(root, target)) {
                    if (found.add(file) && file.endsWith(".md")) {
                        unread.add(file);
                    }
                }
            }
        }
        return found;
    }

    /** Where the links of a page lead, as paths from the root; what is elsewhere on the network is left out. */
    static List<String> links(String page, String text) {
        Path folder = Path.of("/").resolve(page).resolveSibling("");
        return LINK.matcher(text)
                .results()
                .map(Pages::address)
                .filter(a -> !a.matches("[a-z]+:.*"))
                .map(a -> Path.of("/").relativize(folder.resolve(a).normalize()).toString())
                .distinct()
                .toList();
    }

    private static String address(MatchResult link) {
        return link.group(1) == null ? link.group(2) : link.group(1);
    }

    /** A folder that a page leads to stands for the pages in it. */
    private static List<String> files(Path root, String target) throws IOException {
        Path path = root.resolve(target);
        if (!Files.isDirectory(path)) {
            Files.size(path); // fails if it is not there
            return List.of(target);
        }
        try (Stream<Path> inside = Files.list(path)) {
            return inside.filter(Files::isRegularFile)
                    .map(f -> root.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }
}
