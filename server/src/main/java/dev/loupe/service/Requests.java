package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.UsageException;
import java.lang.reflect.RecordComponent;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.exc.ValueInstantiationException;
import tools.jackson.databind.node.ObjectNode;

/**
 * Requests in JSON, over HTTP and in jobs. Files pass over fields that a later Loupe may have added; a request is refused for
 * one that nobody knows: whoever misspells a limit, or puts it in the wrong place, must not get an answer without it.
 */
public final class Requests {
    private Requests() {}

    /**
     * Reads a request.
     *
     * @param also fields that the caller has read itself
     * @throws UsageException if there is a field that is neither the type's nor one of those
     * @throws JacksonException if it is not the JSON of this type
     */
    public static <T> T read(JsonNode tree, Class<T> type, String... also) {
        JsonNode rest = tree;
        if (also.length > 0 && tree instanceof ObjectNode object) {
            ObjectNode copy = object.deepCopy();
            for (String name : also) {
                copy.remove(name);
            }
            rest = copy;
        }
        try {
            return Views.JSON
                    .readerFor(type)
                    .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .readValue(rest);
        } catch (UnrecognizedPropertyException e) {
            throw unknown(place(e), known(e, also));
        } catch (ValueInstantiationException e) {
            // what the record says is missing may only be misspelt, and Jackson looks for that too late
            Set<String> known = fields(type);
            for (String name : rest.propertyNames()) {
                if (!known.isEmpty() && !known.contains(name)) {
                    known.addAll(List.of(also));
                    throw unknown(name, known);
                }
            }
            throw e;
        }
    }

    private static UsageException unknown(String name, Collection<String> known) {
        return new UsageException(
                "The request has the unknown field \"" + name + "\"; known are " + String.join(", ", known) + ".");
    }

    /** The JSON names of a record's parts; empty for another type. */
    private static Set<String> fields(Class<?> type) {
        Set<String> names = new TreeSet<>();
        if (type.isRecord()) {
            for (RecordComponent c : type.getRecordComponents()) {
                JsonProperty given = c.getAccessor().getAnnotation(JsonProperty.class);
                names.add(
                        given == null || given.value().isEmpty()
                                ? c.getName().replaceAll("(?=[A-Z])", "_").toLowerCase(Locale.ROOT)
                                : given.value());
            }
        }
        return names;
    }

    /** Where in a request something is wrong, such as {@code variant.edits[0].op}; empty for all of it. */
    public static String place(JacksonException e) {
        return e.getPath().stream()
                .map(at -> at.getPropertyName() == null ? "[" + at.getIndex() + "]" : "." + at.getPropertyName())
                .collect(Collectors.joining())
                .replaceFirst("^\\.", "");
    }

    private static Collection<String> known(UnrecognizedPropertyException e, String... also) {
        TreeSet<String> names = new TreeSet<>();
        e.getKnownPropertyIds().forEach(id -> names.add(Objects.toString(id)));
        if (e.getPath().size() == 1) {
            names.addAll(List.of(also));
        }
        return names;
    }
}
