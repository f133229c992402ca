package dev.loupe.cli;

import dev.loupe.base.Nearest;
import dev.loupe.base.UsageException;
import dev.loupe.train.Method;
import dev.loupe.train.TrainPreset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The file of {@code train --config}: what flags do not say, and settings by name. A flag wins over it everywhere. */
final class TrainFile {
    /** What a file may say beside settings of the training. */
    static final List<String> KEYS = List.of(
            "name",
            "store",
            "hook",
            "hook_out",
            "arch",
            "d_sae",
            "preset",
            "seeds",
            "tokens",
            "shuffle",
            "text",
            "model",
            "json_field",
            "context",
            "prepend_bos",
            "held_out");

    private static final int ANY_WIDTH = 64;

    private final Map<String, Object> rest;

    /**
     * Reads a file; null for none.
     *
     * @throws UsageException if it has a name that no training has, with the nearest one
     */
    TrainFile(@Nullable Path file) {
        rest = new LinkedHashMap<>(file == null ? Map.of() : Yaml.file(file));
        List<String> settings = new ArrayList<>(
                Yaml.flat(TrainPreset.DEMO.config(Method.TOPK, ANY_WIDTH).settings())
                        .keySet());
        List<String> known = new ArrayList<>(KEYS);
        known.addAll(settings);
        for (String key : rest.keySet()) {
            if (!known.contains(key)) {
                throw new UsageException("There is no training setting \"" + key + "\"; did you mean "
                        + Nearest.to(key, known) + "? The file " + file + " may have " + String.join(", ", KEYS)
                        + ", and the settings "
                        + String.join(", ", settings.stream().sorted().toList()) + ".");
            }
        }
    }

    /** Takes a name out of the file; a flag wins. */
    @Nullable String text(String key, @Nullable String flag) {
        Object value = rest.remove(key);
        return flag != null || value == null ? flag : String.valueOf(value);
    }

    /** Takes a whole number out of the file; a flag wins. */
    @Nullable Integer whole(String key, @Nullable Integer flag) {
        Object value = rest.remove(key);
        return flag != null || value == null ? flag : (Integer) whole(key, value);
    }

    /** A whole number as YAML has them. */
    static int whole(String key, Object value) {
        if (value instanceof Integer i) {
            return i;
        }
        throw new UsageException(
                "The setting " + key + " is \"" + value + "\"; it must be a whole number written out, such as 16384.");
    }

    /** Takes yes or no out of the file; a flag wins. */
    @Nullable Boolean yes(String key, @Nullable Boolean flag) {
        Object value = rest.remove(key);
        if (value != null && !(value instanceof Boolean)) {
            throw new UsageException("The setting " + key + " is \"" + value + "\"; it must be true or false.");
        }
        return flag != null ? flag : (Boolean) value;
    }

    /** Seeds as a flag has them, or null. */
    @Nullable String seeds(@Nullable String flag) {
        String value = text("seeds", flag);
        return value == null ? null : value.replaceAll("[\\[\\] ]", "");
    }

    /** Rows to see; a flag for them, or for steps, wins. */
    @Nullable Long tokens(@Nullable Long flag, boolean steps) {
        Object value = rest.remove("tokens");
        return flag != null || steps || value == null ? flag : (Long) SeedsCommand.count(String.valueOf(value));
    }

    /** Leaves out what a flag says. */
    void unless(@Nullable Object flag, String... settings) {
        if (flag != null) {
            List.of(settings).forEach(rest::remove);
        }
    }

    /** The settings that are left. */
    Map<String, Object> settings() {
        return rest;
    }
}
