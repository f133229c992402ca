package dev.loupe.bench.fault;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * What a stage left, as values that can be compared: the checksum of each file, of JSON each value by its place, of a search
 * index what it holds ({@link SearchValues}). Values that already differ between two undisturbed runs (times, speeds) are known from those and left out.
 */
final class Fingerprint {
    private Fingerprint() {}

    /** Every value by its name. */
    static Map<String, String> of(Path workspace, List<String> results) throws IOException {
        Map<String, String> all = new TreeMap<>();
        for (String result : results) {
            Path root = workspace.resolve(result);
            if (!Files.exists(root)) {
                continue;
            }
            List<Path> there;
            try (Stream<Path> files = Files.walk(root)) {
                there = files.toList();
            }
            Set<Path> searches = new HashSet<>();
            for (Path path : there) {
                if (SearchValues.is(path)) {
                    searches.add(path);
                    SearchValues.add(workspace.relativize(path).toString(), path, all);
                }
            }
            for (Path file : there) {
                if (Files.isRegularFile(file) && !searches.contains(file.getParent())) {
                    add(workspace.relativize(file).toString(), file, all);
                }
            }
        }
        return all;
    }

    private static void add(String name, Path file, Map<String, String> all) {
        if (name.endsWith(".lock")) {
            return; // an empty file that any writer may leave
        }
        if (name.endsWith(".json")) {
            flat(name, Json.tree(file), all);
        } else {
            all.put(name, Checksums.sha256(file));
        }
    }

    private static void flat(String name, JsonNode node, Map<String, String> all) {
        if (node.isObject()) {
            node.properties().forEach(e -> flat(name + "/" + e.getKey(), e.getValue(), all));
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                flat(name + "/" + i, node.get(i), all);
            }
        } else {
            all.put(name, node.toString());
        }
    }

    /** The names whose values differ. */
    static Set<String> difference(Map<String, String> a, Map<String, String> b) {
        Set<String> names = new TreeSet<>(a.keySet());
        names.addAll(b.keySet());
        names.removeIf(n -> a.containsKey(n) && a.get(n).equals(b.get(n)));
        return names;
    }
}
