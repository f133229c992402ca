package dev.loupe.base;

import java.nio.file.Path;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;

/**
 * JSON in which paths below the workspace are names in it, so that another machine may have its workspace elsewhere. Other
 * paths stay as they are.
 */
public final class WorkspaceJson {
    private static final String BELOW = "workspace:";

    private final Path workspace;
    private final JsonMapper mapper;

    /** For the workspace of this machine. */
    public WorkspaceJson(Path workspace) {
        this.workspace = workspace.toAbsolutePath().normalize();
        this.mapper = Json.MAPPER
                .rebuild()
                .disable(SerializationFeature.INDENT_OUTPUT)
                .addModule(new SimpleModule("workspace")
                        .addSerializer(Path.class, new Writer())
                        .addDeserializer(Path.class, new Reader()))
                .build();
    }

    /** The mapper. */
    public JsonMapper mapper() {
        return mapper;
    }

    /** A value as one line. */
    public String line(Object value) {
        return mapper.writeValueAsString(value);
    }

    /**
     * The name of a path in the workspace, with slashes.
     *
     * @throws LoupeException if it lies elsewhere
     */
    public String name(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        if (!absolute.startsWith(workspace)) {
            throw new LoupeException("The path " + path + " does not lie in the workspace " + workspace
                    + ", so other machines cannot have it: copy it there.");
        }
        return workspace.relativize(absolute).toString().replace('\\', '/');
    }

    private final class Writer extends ValueSerializer<Path> {
        @Override
        public void serialize(Path path, JsonGenerator out, SerializationContext context) {
            Path absolute = path.toAbsolutePath().normalize();
            out.writeString(absolute.startsWith(workspace) ? BELOW + name(absolute) : absolute.toString());
        }
    }

    private final class Reader extends ValueDeserializer<Path> {
        @Override
        public Path deserialize(JsonParser in, DeserializationContext context) {
            String text = in.getString();
            if (!text.startsWith(BELOW)) {
                return Path.of(text);
            }
            Path path = workspace.resolve(text.substring(BELOW.length())).normalize();
            if (!path.startsWith(workspace)) {
                throw new LoupeException("The path " + text + " leads out of the workspace.");
            }
            return path;
        }
    }
}
