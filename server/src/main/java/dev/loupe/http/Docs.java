package dev.loupe.http;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.service.Views;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import tools.jackson.databind.node.ObjectNode;

/** The OpenAPI document and pages that show it. */
final class Docs {
    private static final String SWAGGER = "/META-INF/resources/webjars/swagger-ui/5.34.1/";
    private static final Map<String, String> FILES = Map.of(
            "swagger-ui.css", "text/css",
            "swagger-ui-bundle.js", "text/javascript",
            "favicon-32x32.png", "image/png");
    private static final String START = """
            window.ui = SwaggerUIBundle({url: '/api/openapi.json', dom_id: '#ui', deepLinking: true, docExpansion: 'list'});
            """;
    private static final String PAGE = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
              <meta charset="utf-8">
              <meta name="viewport" content="width=device-width, initial-scale=1">
              <title>Loupe API</title>
              <link rel="stylesheet" href="/api/docs/swagger-ui.css">
              <link rel="icon" href="/api/docs/favicon-32x32.png">
            </head>
            <body>
              <div id="ui"></div>
              <script src="/api/docs/swagger-ui-bundle.js"></script>
              <script src="/api/docs/start.js"></script>
            </body>
            </html>
            """;

    private final Supplier<ObjectNode> document;

    Docs(Supplier<ObjectNode> document) {
        this.document = document;
    }

    List<Route> routes() {
        return List.of(
                Route.get("/openapi.json", "This document.", Object.class, ctx -> {
                    ctx.result(Views.line(document.get()));
                    ctx.contentType("application/json");
                }),
                Route.get("/docs", "This document as a page.", Object.class, ctx -> ctx.html(PAGE))
                        .of("text/html"),
                Route.get("/docs/{file}", "Files of that page.", Object.class, Docs::file)
                        .of("*/*"));
    }

    private static void file(Context ctx) {
        String name = ctx.pathParam("file");
        if (name.equals("start.js")) {
            ctx.result(START).contentType("text/javascript; charset=utf-8");
            return;
        }
        String type = FILES.get(name);
        if (type == null) {
            throw new NotFoundException("There is no file " + name + ".");
        }
        try (InputStream in = Docs.class.getResourceAsStream(SWAGGER + name)) {
            if (in == null) {
                throw new NotFoundException("There is no file " + name + ".");
            }
            ctx.result(in.readAllBytes()).contentType(type);
            ctx.header("Cache-Control", "max-age=86400");
        } catch (IOException e) {
            throw new LoupeException("The file " + name + " cannot be read (" + e.getMessage() + ").", e);
        }
    }
}
