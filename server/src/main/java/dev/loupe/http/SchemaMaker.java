package dev.loupe.http;

import dev.loupe.service.Views;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.BeanProperty;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.jsonFormatVisitors.JsonArrayFormatVisitor;
import tools.jackson.databind.jsonFormatVisitors.JsonFormatVisitable;
import tools.jackson.databind.jsonFormatVisitors.JsonFormatVisitorWrapper;
import tools.jackson.databind.jsonFormatVisitors.JsonIntegerFormatVisitor;
import tools.jackson.databind.jsonFormatVisitors.JsonMapFormatVisitor;
import tools.jackson.databind.jsonFormatVisitors.JsonNumberFormatVisitor;
import tools.jackson.databind.jsonFormatVisitors.JsonObjectFormatVisitor;
import tools.jackson.databind.jsonFormatVisitors.JsonStringFormatVisitor;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON schemas of the records that travel, read from the mapper that writes them: names and shapes in the OpenAPI
 * document cannot differ from what is sent. What only answers hold says which fields are always there: the parts of a record
 * that may not be null. A request may leave out whatever its record has a default for, so nothing is said of its fields.
 */
final class SchemaMaker {
    private final ObjectNode components;
    private final Map<String, JavaType> made = new LinkedHashMap<>();
    private boolean answers;

    SchemaMaker(ObjectNode components) {
        this.components = components;
    }

    /** From here on schemas are those of answers; what a request holds, too, has been made by then. */
    void answers() {
        answers = true;
    }

    ObjectNode schema(Type type) {
        return schema(Views.JSON.constructType(type));
    }

    private ObjectNode schema(JavaType type) {
        ObjectNode node = Views.JSON.createObjectNode();
        if (type.isTypeOrSubTypeOf(tools.jackson.databind.JsonNode.class) || type.isJavaLangObject()) {
            return node; // anything
        }
        Views.JSON.acceptJsonFormatVisitor(type, new Visitor(node));
        return node;
    }

    /** The parts of a record that are never null. */
    private static Set<String> never(Class<?> type) {
        return type.isRecord()
                ? Stream.of(type.getRecordComponents())
                        .filter(c -> !c.getAnnotatedType().isAnnotationPresent(Nullable.class))
                        .map(RecordComponent::getName)
                        .collect(Collectors.toSet())
                : Set.of();
    }

    private final class Visitor extends JsonFormatVisitorWrapper.Base {
        private final ObjectNode node;

        Visitor(ObjectNode node) {
            this.node = node;
        }

        @Override
        public JsonObjectFormatVisitor expectObjectFormat(JavaType type) {
            String name = type.getRawClass().getName().replaceAll(".*\\.", "").replace('$', '.');
            node.put("$ref", "#/components/schemas/" + name);
            if (made.putIfAbsent(name, type) != null) {
                return new JsonObjectFormatVisitor.Base(getContext());
            }
            ObjectNode object = components.putObject(name);
            object.put("type", "object");
            ObjectNode properties = object.putObject("properties");
            Set<String> always = answers ? never(type.getRawClass()) : Set.of();
            return new JsonObjectFormatVisitor.Base(getContext()) {
                @Override
                public void property(BeanProperty p) {
                    properties.set(p.getName(), schema(p.getType()));
                    if (always.contains(p.getMember().getName())) {
                        object.withArray("required").add(p.getName());
                    }
                }

                @Override
                public void optionalProperty(BeanProperty p) {
                    property(p);
                }

                @Override
                public void property(String key, JsonFormatVisitable handler, JavaType t) {
                    properties.set(key, schema(t));
                }

                @Override
                public void optionalProperty(String key, JsonFormatVisitable handler, JavaType t) {
                    properties.set(key, schema(t));
                }
            };
        }

        @Override
        public JsonArrayFormatVisitor expectArrayFormat(JavaType type) {
            node.put("type", "array");
            JavaType content = type.getContentType();
            node.set("items", content == null ? Views.JSON.createObjectNode() : schema(content));
            return new JsonArrayFormatVisitor.Base(getContext());
        }

        @Override
        public JsonMapFormatVisitor expectMapFormat(JavaType type) {
            node.put("type", "object");
            JavaType content = type.getContentType();
            node.set("additionalProperties", content == null ? Views.JSON.createObjectNode() : schema(content));
            return new JsonMapFormatVisitor.Base(getContext());
        }

        @Override
        public JsonStringFormatVisitor expectStringFormat(JavaType type) {
            node.put("type", "string");
            return new JsonStringFormatVisitor.Base() {
                @Override
                public void enumTypes(Set<String> values) {
                    values.forEach(node.withArray("enum")::add);
                }
            };
        }

        @Override
        public JsonNumberFormatVisitor expectNumberFormat(JavaType type) {
            node.put("type", "number");
            return new JsonNumberFormatVisitor.Base();
        }

        @Override
        public JsonIntegerFormatVisitor expectIntegerFormat(JavaType type) {
            boolean time = type.isTypeOrSubTypeOf(java.time.Instant.class);
            node.put("type", time ? "string" : "integer");
            if (time) {
                node.put("format", "date-time");
            }
            return new JsonIntegerFormatVisitor.Base();
        }

        @Override
        public tools.jackson.databind.jsonFormatVisitors.JsonBooleanFormatVisitor expectBooleanFormat(JavaType type) {
            node.put("type", "boolean");
            return new tools.jackson.databind.jsonFormatVisitors.JsonBooleanFormatVisitor.Base();
        }

        @Override
        public SerializationContext getContext() {
            return super.getContext();
        }
    }
}
