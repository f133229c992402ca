package dev.loupe.http;

import dev.loupe.service.Views;
import io.javalin.http.HandlerType;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The OpenAPI 3.0 document of all routes, made from the routes themselves. */
final class OpenApi {
    private static final Pattern PARAMETER = Pattern.compile("\\{(\\w+)}");

    private OpenApi() {}

    static ObjectNode document(List<Route> routes) {
        ObjectNode root = Views.JSON.createObjectNode();
        root.put("openapi", "3.0.3");
        root.putObject("info")
                .put("title", "Loupe")
                .put("version", "1.0")
                .put("description", "Stores, SAEs, features, patching, steering and jobs of one workspace.");
        root.putArray("servers").addObject().put("url", "/api");
        ObjectNode paths = root.putObject("paths");
        ObjectNode components = root.putObject("components").putObject("schemas");
        SchemaMaker schemas = new SchemaMaker(components);
        routes.stream().map(Route::body).filter(Objects::nonNull).forEach(schemas::schema);
        schemas.answers();
        for (Route route : routes) {
            ObjectNode path = paths.withObjectProperty(route.path());
            operation(path.putObject(route.method().name().toLowerCase(Locale.ROOT)), route, schemas);
        }
        return root;
    }

    private static void operation(ObjectNode operation, Route route, SchemaMaker schemas) {
        operation.put("summary", route.summary());
        operation.putArray("tags").add(tag(route.path()));
        ArrayNode parameters = operation.putArray("parameters");
        Matcher m = PARAMETER.matcher(route.path());
        while (m.find()) {
            ObjectNode p = parameters.addObject();
            p.put("name", m.group(1)).put("in", "path").put("required", true);
            p.putObject("schema").put("type", "string");
        }
        for (Route.Query q : route.query()) {
            ObjectNode p = parameters.addObject();
            p.put("name", q.name()).put("in", "query").put("description", q.meaning());
            p.putObject("schema").put("type", q.type());
        }
        if (route.body() != null) {
            ObjectNode body = operation.putObject("requestBody");
            body.put("required", true);
            body.putObject("content").putObject("application/json").set("schema", schemas.schema(route.body()));
        }
        ObjectNode responses = operation.putObject("responses");
        ObjectNode ok = responses.putObject("200");
        ok.put("description", "done");
        ObjectNode media = ok.putObject("content").putObject(route.mediaType());
        if (route.answer() != null) {
            media.set("schema", schemas.schema(route.answer()));
        }
        if (route.works() || route.method() != HandlerType.GET) {
            ObjectNode often = responses.putObject("429");
            often.put("description", "asked too often; Retry-After says how many seconds to wait");
            often.putObject("content").putObject(Problem.MEDIA_TYPE).set("schema", schemas.schema(Problem.class));
        }
        ObjectNode problem = responses.putObject("default");
        problem.put("description", "an error, as RFC 9457 has it");
        problem.putObject("content").putObject(Problem.MEDIA_TYPE).set("schema", schemas.schema(Problem.class));
    }

    private static String tag(String path) {
        String[] parts = path.split("/");
        return parts.length > 1 ? parts[1] : "api";
    }
}
