package dev.loupe.corpus;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Documents of a JSON-lines file: one object a line, the text in a field of one's choice. */
final class JsonLines {
    private JsonLines() {}

    static Stream<Document> documents(Path file, String name, String field) {
        Lines lines = new Lines(file);
        return lines.documents(() -> {
            for (String line; (line = lines.next()) != null; ) {
                if (!line.isBlank()) {
                    Document document = document(file, name, field, lines.number(), line);
                    if (!document.text().isBlank()) {
                        return document;
                    }
                }
            }
            return null;
        });
    }

    private static Document document(Path file, String name, String field, long number, String line) {
        JsonNode node;
        try {
            node = Json.MAPPER.readTree(line);
        } catch (JacksonException e) {
            throw new LoupeException(
                    "Line " + number + " of " + file + " is not JSON (" + e.getOriginalMessage() + ").", e);
        }
        JsonNode text = node.get(field);
        if (text == null || !text.isString()) {
            throw new LoupeException("Line " + number + " of " + file + " has no text field \"" + field + "\"; it has "
                    + new TreeSet<>(node.propertyNames()) + ": choose the field with --json-field.");
        }
        return new Document(name + ":" + number, text.asString());
    }
}
