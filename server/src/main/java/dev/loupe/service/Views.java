package dev.loupe.service;

import dev.loupe.base.Json;
import java.nio.file.Path;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.ser.std.ToStringSerializer;

/** How records become JSON for scripts, over HTTP and on the command line alike: field names in snake_case. */
public final class Views {
    /** The mapper; one line per value. */
    public static final JsonMapper JSON = Json.MAPPER
            .rebuild()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .disable(SerializationFeature.INDENT_OUTPUT)
            .withCoercionConfigDefaults(c -> c.setCoercion(CoercionInputShape.EmptyString, CoercionAction.Fail))
            .addModule(new SimpleModule().addSerializer(Path.class, ToStringSerializer.instance)) // not file:///...
            .build();

    private Views() {}

    /** A value as one line of JSON. */
    public static String line(Object value) {
        return JSON.writeValueAsString(value);
    }
}
