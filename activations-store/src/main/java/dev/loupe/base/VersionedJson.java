package dev.loupe.base;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON files that carry the version of their shape as {@code format}, major.minor. A newer minor only adds fields; a newer
 * major is refused in one sentence, and never written over. A file without a {@code format} is of the first version, 1.0.
 */
public final class VersionedJson {
    /** The field. */
    public static final String FIELD = "format";

    /** What a file without the field has. */
    public static final String FIRST = "1.0";

    /** The newest major version that this program reads, of every kind of file. */
    private static final int MAJOR = 1;

    private VersionedJson() {}

    /**
     * Reads a file into a value.
     *
     * @param what it is, for people: {@code "sweep wide"}
     * @throws NotFoundException if there is no such file
     * @throws NewerFormatException if it is of a newer major version
     * @throws LoupeException if it is not JSON or has another shape
     */
    public static <T> T read(Path file, String what, Class<T> type) {
        return value(file, tree(file, what), type);
    }

    /** Reads a file as a tree; see {@link #read}. */
    public static ObjectNode tree(Path file, String what) {
        if (!(Json.tree(file) instanceof ObjectNode tree)) {
            throw new LoupeException(
                    "The file " + file + " is damaged or not what it should be (it is no JSON object).");
        }
        check(tree, what, file);
        return tree.has(FIELD) ? tree : tree.put(FIELD, FIRST);
    }

    /**
     * Refuses what a later Loupe wrote.
     *
     * @param tree what a file holds
     * @param what it is, for people
     * @param file where it stands
     * @throws NewerFormatException if its {@code format} is of a newer major version
     * @throws LoupeException if its {@code format} is no version
     */
    public static void check(JsonNode tree, String what, Path file) {
        String format = tree.path(FIELD).asString(FIRST);
        int major = number(format, 0);
        if (major > MAJOR) {
            throw new NewerFormatException("The " + what + " has format " + format + "; this program reads " + MAJOR
                    + ".x: a newer Loupe is needed (" + file + ").");
        }
        if (major < 1) {
            throw new LoupeException(
                    "The file " + file + " is damaged or not what it should be (its format is \"" + format + "\").");
        }
    }

    /** Refuses to replace a file that a later Loupe wrote. One that is missing or damaged may be replaced. */
    public static void checkReplaceable(Path file, String what) {
        old(file, what);
    }

    /** Writes a value, which may carry its own {@code format}, in place of a file that no later Loupe wrote. */
    public static void write(Path file, String what, Object value) {
        old(file, what);
        Json.write(file, versioned(value));
    }

    /**
     * Writes the next state of something that people edit. Fields of the old file that this version does not know (those of
     * a later minor version) stay.
     *
     * @throws NewerFormatException if the old file is of a newer major version; it stays as it is
     */
    public static void update(Path file, String what, Object value) {
        ObjectNode next = versioned(value);
        ObjectNode old = old(file, what);
        JsonNode known = old == null ? null : known(file, old, value.getClass());
        if (old != null && known != null) {
            Set<String> unknown = new TreeSet<>(old.propertyNames());
            known.propertyNames().forEach(unknown::remove);
            unknown.removeIf(name -> next.has(name) || old.path(name).isNull());
            unknown.forEach(name -> next.set(name, old.get(name)));
            String format = old.path(FIELD).asString(FIRST);
            if (number(format, 1) > number(next.path(FIELD).asString(FIRST), 1)) {
                next.put(FIELD, format);
            }
        }
        Json.write(file, next);
    }

    /** What this version knows of a file: what comes back from reading and writing it; null of a damaged one. */
    private static @Nullable JsonNode known(Path file, ObjectNode old, Class<?> type) {
        try {
            return Json.MAPPER.valueToTree(value(file, old, type));
        } catch (LoupeException damaged) {
            return null;
        }
    }

    private static ObjectNode versioned(Object value) {
        ObjectNode all = Json.MAPPER.createObjectNode().put(FIELD, FIRST);
        if (!(Json.MAPPER.valueToTree(value) instanceof ObjectNode fields)) {
            throw new IllegalArgumentException("A " + value.getClass().getSimpleName() + " is no JSON object.");
        }
        return all.setAll(fields);
    }

    private static @Nullable ObjectNode old(Path file, String what) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            return tree(file, what);
        } catch (NewerFormatException e) {
            throw e;
        } catch (LoupeException damaged) {
            return null;
        }
    }

    private static <T> T value(Path file, JsonNode tree, Class<T> type) {
        try {
            return Json.whole(file, Json.MAPPER.treeToValue(tree, type));
        } catch (JacksonException e) {
            throw Json.damaged(file, e);
        }
    }

    /** The major or minor number of a version; -1 if it has none. */
    private static int number(String format, int part) {
        String[] parts = format.split("\\.", -1);
        try {
            return part < parts.length ? Integer.parseInt(parts[part]) : -1;
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
