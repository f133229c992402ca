package dev.loupe.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The one JSON mapper of the house, and reading and writing of JSON files with errors that name the file. */
public final class Json {

    /** Tolerates unknown fields (newer minor versions add some) and writes indented text. */
    public static final JsonMapper MAPPER = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private Json() {}

    /**
     * Reads a JSON file into a value.
     *
     * @throws NotFoundException if there is no such file
     * @throws LoupeException if it is not JSON or has another shape
     */
    public static <T> T read(Path file, Class<T> type) {
        try {
            return whole(file, MAPPER.readValue(text(file), type));
        } catch (JacksonException e) {
            throw damaged(file, e);
        }
    }

    /**
     * Reads a JSON file as a tree.
     *
     * @throws NotFoundException if there is no such file
     * @throws LoupeException if it is not JSON
     */
    public static JsonNode tree(Path file) {
        try {
            return MAPPER.readTree(text(file));
        } catch (JacksonException e) {
            throw damaged(file, e);
        }
    }

    /** Refuses what a file left out. */
    static <T> T whole(Path file, @Nullable T value) {
        String missing = value == null ? "everything" : Whole.missing(value);
        if (value == null || missing != null) {
            throw new LoupeException(
                    "The file " + file + " is damaged or not what it should be (" + missing + " is missing).");
        }
        return value;
    }

    /** Writes a value as an indented JSON file: whole or not at all. */
    public static void write(Path file, Object value) {
        AtomicFiles.writeString(file, MAPPER.writeValueAsString(value) + "\n");
    }

    /** The value as one line of JSON. */
    public static String line(Object value) {
        return MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new NotFoundException("There is no file " + file + ".");
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    static LoupeException damaged(Path file, JacksonException e) {
        return new LoupeException(
                "The file " + file + " is damaged or not what it should be (" + e.getOriginalMessage() + ").", e);
    }
}
