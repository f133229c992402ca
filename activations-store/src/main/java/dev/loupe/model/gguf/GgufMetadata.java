package dev.loupe.model.gguf;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of a GGUF file: keys with numbers, texts, flags and lists of them. Whoever asks says what kind it must
 * be; anything else is refused with the name of the file and of the key.
 */
public final class GgufMetadata {
    private final Path path;
    private final Map<String, Object> values; // Long, Double, Boolean, String, List<String>, long[], float[]

    GgufMetadata(Path path, Map<String, Object> values) {
        this.path = path;
        this.values = values;
    }

    /** The file, for messages. */
    public Path path() {
        return path;
    }

    /** Whether there is such a key. */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** A text. */
    public String text(String key) {
        return typed(key, String.class, "a text");
    }

    /** A text, or another where there is none. */
    public String text(String key, String otherwise) {
        return has(key) ? text(key) : otherwise;
    }

    /** A whole number. */
    public long integer(String key) {
        return typed(key, Long.class, "a whole number");
    }

    /** A whole number, or another where there is none. */
    public long integer(String key, long otherwise) {
        return has(key) ? integer(key) : otherwise;
    }

    /** A number. */
    public double number(String key) {
        return values.get(key) instanceof Long whole ? whole : typed(key, Double.class, "a number");
    }

    /** Yes or no, or another answer where there is none. */
    public boolean flag(String key, boolean otherwise) {
        return has(key) ? typed(key, Boolean.class, "true or false") : otherwise;
    }

    /** A list of texts. */
    @SuppressWarnings("unchecked")
    public List<String> texts(String key) {
        return (List<String>) typed(key, List.class, "a list of texts");
    }

    /** A list of whole numbers or flags (1 and 0); null if there is no such key. */
    public long @Nullable [] integers(String key) {
        return has(key) ? typed(key, long[].class, "a list of whole numbers") : null;
    }

    /** A list of numbers; null if there is no such key. */
    public float @Nullable [] numbers(String key) {
        return has(key) ? typed(key, float[].class, "a list of numbers") : null;
    }

    /** Whether a key holds a list. */
    public boolean isList(String key) {
        Object value = values.get(key);
        return value instanceof List || value instanceof long[] || value instanceof float[];
    }

    private <T> T typed(String key, Class<T> type, String kind) {
        Object value = values.get(key);
        if (value == null) {
            throw refused("it does not say " + key);
        }
        if (!type.isInstance(value)) {
            throw refused(key + " is not " + kind);
        }
        return type.cast(value);
    }

    /** The sentence for a file whose metadata cannot be used. */
    public LoupeException refused(String why) {
        return new LoupeException("The GGUF file " + path + " cannot be used: " + Fmt.shown(why) + ".");
    }
}
