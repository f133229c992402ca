package dev.loupe.corpus;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document.Content;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Documents of a JSON-lines file: one object a line, the text in a field of one's choice. The field may also hold token ids
 * (an array of numbers) or a conversation ({@link Conversations}).
 */
final class JsonLines {
    private JsonLines() {}

    static Stream<Document> documents(Path file, String name, String field) {
        Lines lines = new Lines(file);
        return lines.documents(() -> {
            for (String line; (line = lines.next()) != null; ) {
                if (!line.isBlank()) {
                    Document document = document(file, name, field, lines.number(), line);
                    if (!document.text().isBlank() || document.content() != null) {
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
        String called = name + ":" + number;
        JsonNode value = node.get(field);
        for (String other : field.equals(Corpora.DEFAULT_JSON_FIELD) ? Corpora.OTHER_FIELDS : List.<String>of()) {
            value = value == null ? node.get(other) : value;
        }
        Document document = value == null ? null : document(called, value);
        if (document == null) {
            throw new LoupeException("Line " + number + " of " + file + " has no text field \"" + field + "\"; it has "
                    + new TreeSet<>(node.propertyNames()) + ": choose the field with --json-field.");
        }
        return document;
    }

    private static @Nullable Document document(String name, JsonNode value) {
        if (value.isString()) {
            return new Document(name, value.asString());
        }
        if (!value.isArray() || value.isEmpty()) {
            return null;
        }
        if (value.get(0).isIntegralNumber()) {
            int[] ids = new int[value.size()];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = value.get(i).asInt(-1);
            }
            return new Document(name, "", Document.UNDETERMINED, 0, new Content.Ids(ids));
        }
        return Conversations.document(name, value);
    }
}
