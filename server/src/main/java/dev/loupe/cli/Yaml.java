package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.service.SafeYaml;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** Settings in YAML: a file of them, or one as {@code name=value}. */
final class Yaml {
    private Yaml() {}

    /** Reads a file; nested names are joined by dots. */
    static Map<String, Object> file(Path file) {
        Object tree = SafeYaml.read(file);
        Map<String, Object> flat = new LinkedHashMap<>();
        if (tree instanceof Map<?, ?> map) {
            flatten("", map, flat);
        } else if (tree != null) {
            throw new UsageException("The file " + file + " must hold lines of the form \"learning_rate: 0.001\".");
        }
        return flat;
    }

    /** Reads a file as it is, nested names inside their maps. */
    static Map<String, Object> tree(Path file) {
        if (SafeYaml.read(file) instanceof Map<?, ?> map) {
            Map<String, Object> tree = new LinkedHashMap<>();
            map.forEach((key, value) -> {
                if (value != null) {
                    tree.put(String.valueOf(key), value);
                }
            });
            return tree;
        }
        throw new UsageException("The file " + file + " must hold lines of the form \"name: value\".");
    }

    /** Joins nested names by dots. */
    static Map<String, Object> flat(Map<?, ?> tree) {
        Map<String, Object> flat = new LinkedHashMap<>();
        flatten("", tree, flat);
        return flat;
    }

    /** Adds {@code name=value}. */
    static void put(String setting, Map<String, Object> into) {
        int cut = setting.indexOf('=');
        if (cut < 1) {
            throw new UsageException("The setting \"" + setting + "\" is not of the form name=value.");
        }
        try {
            Object value = SafeYaml.parse(setting.substring(cut + 1));
            if (value == null) {
                throw new UsageException("The setting \"" + setting + "\" has no value.");
            }
            into.put(setting.substring(0, cut).strip(), value);
        } catch (YamlEngineException e) {
            throw new UsageException("The value of the setting \"" + setting + "\" cannot be read.");
        }
    }

    private static void flatten(String prefix, Map<?, ?> map, Map<String, Object> into) {
        map.forEach((key, value) -> {
            String name = prefix + key;
            if (value instanceof Map<?, ?> inner) {
                flatten(name + ".", inner, into);
            } else if (value != null) {
                into.put(name, value);
            }
        });
    }
}
