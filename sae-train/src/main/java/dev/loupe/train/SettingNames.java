package dev.loupe.train;

import dev.loupe.base.Nearest;
import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Names of settings, nested ones joined by dots, and the nearest one to a name that does not exist. */
final class SettingNames {
    private SettingNames() {}

    /**
     * Changes a setting in a tree of maps.
     *
     * @throws UsageException if there is none of this name, with the nearest one
     */
    @SuppressWarnings("unchecked")
    static void put(Map<String, Object> tree, String name, Object value) {
        Map<String, Object> at = tree;
        String[] parts = name.split("\\.", -1);
        for (int i = 0; i < parts.length - 1; i++) {
            if (!(at.get(parts[i]) instanceof Map<?, ?> inner)) {
                throw unknown(tree, name);
            }
            at = (Map<String, Object>) inner;
        }
        String last = parts[parts.length - 1];
        if (!at.containsKey(last) || at.get(last) instanceof Map) {
            throw unknown(tree, name);
        }
        at.put(last, value);
    }

    private static UsageException unknown(Map<String, Object> tree, String name) {
        List<String> names = new ArrayList<>();
        collect("", tree, names);
        return new UsageException("There is no training setting \"" + name + "\"; did you mean "
                + Nearest.to(name, names) + "? There are "
                + String.join(", ", names.stream().sorted().toList()) + ".");
    }

    private static void collect(String prefix, Map<?, ?> tree, List<String> into) {
        tree.forEach((key, value) -> {
            if (value instanceof Map<?, ?> inner) {
                collect(prefix + key + ".", inner, into);
            } else {
                into.add(prefix + key);
            }
        });
    }
}
