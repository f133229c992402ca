package dev.loupe.http;

import dev.loupe.base.Json;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Makes requests out of an OpenAPI document: nearly right ones, and ones with values that nobody expects. */
final class HostileRequests {
    private static final Map<String, String[]> KNOWN = Map.ofEntries(
            Map.entry("sae", new String[] {"tiny-s0", "tiny-s1"}),
            Map.entry("saes", new String[] {"tiny-s0", "tiny-s0,tiny-s1"}),
            Map.entry("a", new String[] {"tiny-s0", "tiny-s1"}),
            Map.entry("b", new String[] {"tiny-s1", "tiny-s0"}),
            Map.entry("modelId", new String[] {"builtin"}),
            Map.entry("model_id", new String[] {"builtin"}),
            Map.entry("model", new String[] {"builtin", "builtin@fold_ln", "builtin@nothing"}),
            Map.entry("layer", new String[] {"tiny-s0", "0", "2"}),
            Map.entry("source", new String[] {"tiny-s0", "owner/name"}),
            Map.entry("store", new String[] {"small"}),
            Map.entry("hook", new String[] {SmallWorkspace.HOOK, "blocks.0.hook_resid_pre"}),
            Map.entry("index", new String[] {"0", "5", "127", "128"}),
            Map.entry("id", new String[] {"0", "5", "127", "128", "x"}),
            Map.entry("feature", new String[] {"tiny-s0:5", "tiny-s0:127", "tiny-s0:128", "tiny-s0:-1"}),
            Map.entry("neuron", new String[] {"0:5", "3:100", "5", "99:1"}),
            Map.entry("text", new String[] {"The debate is closed.", "Wir müssen abstimmen."}),
            Map.entry("prompt", new String[] {"The debate", "Die Aussprache"}),
            Map.entry("clean", new String[] {"The vote is", "Die Aussprache ist"}),
            Map.entry("corrupt", new String[] {"The debate is", "Die Abstimmung ist"}),
            Map.entry("answer", new String[] {" the", "a"}),
            Map.entry("wrong", new String[] {" a", "b"}),
            Map.entry("method", new String[] {"relp", "atp", "ap"}),
            Map.entry("op", new String[] {"add", "set", "scale", "ablate", "cap", "project"}),
            Map.entry("unit", new String[] {"absolute", "max", "norm"}),
            Map.entry("positions", new String[] {"all", "prompt", "generated", "0-3", "3-0"}),
            Map.entry("role", new String[] {"user", "assistant", "system"}),
            Map.entry("content", new String[] {"Hello", "Was?"}),
            Map.entry(
                    "kind", new String[] {"capture", "train", "eval", "index", "compare", "pull", "graph", "nothing"}),
            Map.entry("name", new String[] {"fuzz", "fuzz-2"}),
            Map.entry(
                    "chat_template",
                    new String[] {"{{ messages[0].content }}", "{% for m in messages %}{{ m }}", "((("}));

    /** Which methods a document has, and those it has not. */
    private static final String[] METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"};

    private final JsonNode components;
    private final List<Operation> operations = new ArrayList<>();

    private record Operation(String method, String path, JsonNode parameters, JsonNode body) {}

    /** A request. */
    record Request(String route, String method, String path, Map<String, String> headers, byte[] body) {
        @Override
        public String toString() {
            String text = body == null ? "" : new String(body, StandardCharsets.UTF_8);
            return method + " " + path + " " + headers + " " + (text.length() > 2000 ? text.substring(0, 2000) : text);
        }
    }

    HostileRequests(JsonNode document) {
        components = document.path("components").path("schemas");
        document.path("paths")
                .properties()
                .forEach(path -> path.getValue()
                        .properties()
                        .forEach(operation -> operations.add(new Operation(
                                operation.getKey().toUpperCase(java.util.Locale.ROOT),
                                "/api" + path.getKey(),
                                operation.getValue().path("parameters"),
                                operation
                                        .getValue()
                                        .path("requestBody")
                                        .path("content")
                                        .path("application/json")
                                        .path("schema")))));
        for (String name : List.of("completions", "chat/completions")) {
            operations.add(new Operation("POST", "/v1/" + name, Json.MAPPER.createArrayNode(), openAi()));
        }
        operations.add(new Operation(
                "GET",
                "/v1/models/{model}",
                Json.MAPPER.readTree("[{\"name\": \"model\", \"in\": \"path\", \"schema\": {\"type\": \"string\"}}]"),
                Json.MAPPER.missingNode()));
    }

    /** What the OpenAI protocol's routes take; it stands in no document of ours. */
    private static JsonNode openAi() {
        return Json.MAPPER.readTree("""
                {"type": "object", "properties": {"model": {"type": "string"}, "prompt": {"type": "string"},
                 "messages": {"type": "array", "items": {"type": "object", "properties":
                   {"role": {"type": "string"}, "content": {"type": "string"}}}},
                 "max_tokens": {"type": "integer"}, "temperature": {"type": "number"}, "top_p": {"type": "number"},
                 "top_k": {"type": "integer"}, "min_p": {"type": "number"}, "n": {"type": "integer"},
                 "stream": {"type": "boolean"}, "stop": {"type": "array", "items": {"type": "string"}},
                 "seed": {"type": "integer"}, "logprobs": {"type": "integer"}, "echo": {"type": "boolean"},
                 "chat_template": {"type": "string"}, "logit_bias": {"type": "object", "additionalProperties":
                 {"type": "number"}}, "repetition_penalty": {"type": "number"}, "loupe": {"type": "object", "properties":
                 {"edits": {"type": "array", "items": {"type": "object", "properties": {"feature": {"type": "string"},
                 "op": {"type": "string"}, "strength": {"type": "number"}, "unit": {"type": "string"},
                 "positions": {"type": "string"}}}}}}}}""");
    }

    Request next(Cases.Random random) {
        Operation o = operations.get(random.nextInt(operations.size()));
        String path = o.path();
        StringBuilder query = new StringBuilder();
        for (JsonNode p : o.parameters()) {
            String name = p.path("name").asString("");
            String value = word(name, p.path("schema").path("type").asString("string"), random);
            if (p.path("in").asString("").equals("path")) {
                String encoded = encoded(value);
                path = path.replace("{" + name + "}", encoded.isEmpty() && random.nextBoolean() ? "x" : encoded);
            } else if (random.nextInt(3) > 0) {
                query.append(query.isEmpty() ? "?" : "&")
                        .append(name)
                        .append('=')
                        .append(encoded(value));
            }
        }
        if (random.nextInt(40) == 0) {
            query.append(query.isEmpty() ? "?" : "&")
                    .append(random.oneOf("a=%25", "=", "&&&", "x=%00", "x=%c0%af", "a%5B%5D=1"));
            return new Request(
                    o.path(), o.method(), path + query.toString().replace("%zz", "%25zz"), Map.of(), body(o, random));
        }
        String method = random.nextInt(25) == 0 ? random.oneOf(METHODS) : o.method();
        Map<String, String> headers = new LinkedHashMap<>();
        if (random.nextInt(4) > 0) {
            headers.put(
                    "Content-Type",
                    random.nextInt(10) > 0
                            ? "application/json"
                            : random.oneOf(
                                    "text/plain",
                                    "application/xml",
                                    "multipart/form-data",
                                    "application/json; charset=utf-16",
                                    "x"));
        }
        if (random.nextInt(20) == 0) {
            headers.put(
                    random.oneOf(
                            "Accept",
                            "Last-Event-ID",
                            "If-None-Match",
                            "Range",
                            "Cookie",
                            "Authorization",
                            "Content-Encoding",
                            "X-Forwarded-For",
                            "Accept-Encoding",
                            "Expect-Nothing"),
                    random.oneOf(
                            "*/*",
                            "x",
                            "-1",
                            "bytes=0-",
                            "bytes=-1",
                            "99999999999999999999",
                            "a=b; c",
                            "Bearer x",
                            "gzip",
                            "\"a\", W/\"b\"",
                            ";;;"));
        }
        return new Request(o.path(), method, path + query, headers, body(o, random));
    }

    private byte[] body(Operation o, Cases.Random random) {
        if (o.body().isMissingNode() && random.nextInt(20) > 0) {
            return o.method().equals("GET") ? null : new byte[0];
        }
        if (random.nextInt(40) == 0) {
            return random.oneOf(
                            "",
                            "null",
                            "[]",
                            "1",
                            "\"x\"",
                            "{",
                            "{\"a\":",
                            "nonsense",
                            "{\"a\": 1e999}",
                            "\u0000",
                            "[".repeat(3000),
                            "{\"a\":".repeat(3000),
                            "{\"a\": \"" + "x".repeat(1_100_000) + "\"}")
                    .getBytes(StandardCharsets.UTF_8);
        }
        byte[] bytes = Json.line(value(o.body(), "", 0, random)).getBytes(StandardCharsets.UTF_8);
        if (random.nextInt(20) == 0 && bytes.length > 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }

    /** A value for a schema: right, nearly right or of another type. */
    private JsonNode value(JsonNode schema, String name, int depth, Cases.Random random) {
        JsonNode s = schema;
        if (s.has("$ref")) {
            s = components.path(s.path("$ref").asString("").replaceAll(".*/", ""));
        }
        if (depth > 6 || random.nextInt(30) == 0) {
            return odd(random);
        }
        return switch (s.path("type").asString("")) {
            case "object" -> object(s, depth, random);
            case "array" -> {
                ArrayNode array = Json.MAPPER.createArrayNode();
                for (int i = random.nextInt(random.nextInt(20) == 0 ? 40 : 4); i > 0; i--) {
                    array.add(value(s.path("items"), name, depth + 1, random));
                }
                yield array;
            }
            case "integer" -> Json.MAPPER.getNodeFactory().numberNode(integer(name, random));
            case "number" ->
                Json.MAPPER
                        .getNodeFactory()
                        .numberNode(random.nextInt(8) > 0 ? random.nextDouble(0, 2) : (random.nextInt(3) - 1) * 1e300);
            case "boolean" -> Json.MAPPER.getNodeFactory().booleanNode(random.nextBoolean());
            case "string" ->
                Json.MAPPER
                        .getNodeFactory()
                        .stringNode(
                                s.has("enum") && random.nextInt(6) > 0
                                        ? s.path("enum")
                                                .get(random.nextInt(
                                                        s.path("enum").size()))
                                                .asString("")
                                        : word(name, "string", random));
            default -> odd(random);
        };
    }

    private JsonNode object(JsonNode s, int depth, Cases.Random random) {
        ObjectNode object = Json.MAPPER.createObjectNode();
        s.path("properties").properties().forEach(p -> {
            if (random.nextInt(5) > 0) {
                object.set(p.getKey(), value(p.getValue(), p.getKey(), depth + 1, random));
            }
        });
        if (s.has("additionalProperties")) {
            for (int i = random.nextInt(3); i > 0; i--) {
                object.set(
                        random.oneOf("learning_rate", "batch", "17", "x", ""),
                        value(s.path("additionalProperties"), "", depth + 1, random));
            }
        }
        if (random.nextInt(20) == 0) {
            object.set(random.oneOf(HostileWords.ALL), odd(random));
        }
        return object;
    }

    /** Small numbers for what makes work, others now and then. */
    private static long integer(String name, Cases.Random random) {
        if (random.nextInt(8) > 0) {
            return random.nextInt(0, name.equals("n") ? 3 : 12);
        }
        return switch (random.nextInt(6)) {
            case 0 -> -1;
            case 1 -> Integer.MAX_VALUE;
            case 2 -> Integer.MIN_VALUE;
            case 3 -> Long.MAX_VALUE;
            case 4 -> Long.MIN_VALUE;
            default -> random.nextInt(-1000, 100_000);
        };
    }

    private static JsonNode odd(Cases.Random random) {
        return Json.MAPPER.readTree(random.oneOf(
                "null",
                "true",
                "0",
                "-1",
                "1e308",
                "1e-400",
                "9223372036854775808",
                "123456789012345678901234567890",
                "\"\"",
                "\"x\"",
                "[]",
                "{}",
                "[[[]]]",
                "[null]",
                "{\"a\": null}",
                "[1, \"a\", null]",
                "{\"\": {}}",
                "\"\\u0000\"",
                "\"\\ud800\"",
                "0.1"));
    }

    private static String word(String name, String type, Cases.Random random) {
        String[] known = KNOWN.get(name);
        if (known != null && random.nextInt(5) > 0) {
            return random.oneOf(known);
        }
        if (!type.equals("string") && random.nextInt(4) > 0) {
            return type.equals("boolean") ? random.oneOf("true", "false") : Long.toString(integer(name, random));
        }
        return random.nextInt(10) == 0 ? random.text(random.nextInt(1, 300)) : random.oneOf(HostileWords.ALL);
    }

    private static String encoded(String value) {
        return URLEncoder.encode(value, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** Bytes for a socket. */
    static byte[] noHttp(Cases.Random random) {
        String good =
                "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 30\r\n"
                        + "Connection: close\r\n\r\n{\"prompt\": \"a\", \"max_tokens\": 1}";
        String text = switch (random.nextInt(14)) {
            case 0 -> "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "y".repeat(20_000) + "\r\n\r\n";
            case 1 -> "GET /" + "a".repeat(20_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
            case 2 -> "POST /api/steer HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n{}";
            case 3 ->
                "POST /api/steer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}";
            case 4 ->
                "POST /api/steer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}";
            case 5 ->
                "POST /api/steer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n{}";
            case 6 -> "POST /api/steer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}";
            case 7 -> "GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            case 8 -> "GET /css/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            case 9 -> "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            case 10 ->
                "GET /api/models%2f..%2f..%2fx;a=b?%zz=%&a=%c0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            case 11 -> "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n";
            case 12 -> "GET / HTTP/1.1\r\nHost: localhost\r\n" + "A: b\r\n".repeat(1000) + "\r\n";
            default -> good;
        };
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        for (int i = random.nextInt(4); i > 0; i--) {
            bytes[random.nextInt(Math.min(bytes.length, 200))] = (byte) random.nextInt(256);
        }
        return random.nextInt(6) == 0 ? Arrays.copyOf(bytes, random.nextInt(1, bytes.length)) : bytes;
    }

    /** A copy of a workspace, to be written into. */
    static Path copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path target = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target);
                }
            }
        }
        return to;
    }
}
