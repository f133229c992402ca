package dev.loupe.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Talks to a Loupe server. Safe for use from several threads; close it when done.
 *
 * <pre>{@code
 * try (LoupeClient loupe = LoupeClient.of("http://localhost:7070")) {
 *     Steered s = loupe.steer(Writing.of("builtin", "The Council").with(Edit.add("topk-2048-s0", 638, 0.6)));
 * }
 * }</pre>
 *
 * Every method throws {@link ServerException} if the server refuses, and {@link UncheckedIOException} if it cannot be
 * reached.
 */
public final class LoupeClient implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final Duration POLL = Duration.ofMillis(250);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final HttpClient http;
    private final String base;
    private final @Nullable String token;

    private LoupeClient(String base, @Nullable String token) {
        this.base = base.endsWith("/") ? base.substring(0, base.length() - 1) : base;
        this.token = token;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(PATIENCE)
                .build();
    }

    /** A client of a server without a token. */
    public static LoupeClient of(String base) {
        return new LoupeClient(base, null);
    }

    /** A client of a server that wants a token. */
    public static LoupeClient of(String base, String token) {
        return new LoupeClient(base, token);
    }

    /** The names of the models. */
    public List<String> models() {
        List<String> all = new ArrayList<>();
        get("/v1/models").path("data").forEach(m -> all.add(m.path("id").asString()));
        return List.copyOf(all);
    }

    /** Continues a text. */
    public Completion complete(Writing writing) {
        JsonNode r = post("/v1/completions", writing.completion(false));
        JsonNode choice = r.path("choices").path(0);
        JsonNode usage = r.path("usage");
        return new Completion(
                choice.path("text").asString(),
                choice.path("finish_reason").asString(),
                usage.path("prompt_tokens").asInt(),
                usage.path("completion_tokens").asInt());
    }

    /**
     * Continues a text and hears it piece by piece.
     *
     * @param piece hears a piece; false ends the text, and the server stops writing
     * @return everything that was heard
     */
    public String stream(Writing writing, Predicate<String> piece) {
        StringBuilder whole = new StringBuilder();
        HttpRequest request = request("/v1/completions")
                .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(writing.completion(true))))
                .build();
        HttpResponse<InputStream> response = send(request, HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream in = response.body()) {
            if (response.statusCode() >= 400) {
                throw failure(response.statusCode(), new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
            var reader = new java.io.BufferedReader(new java.io.InputStreamReader(in, StandardCharsets.UTF_8));
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!line.startsWith("data: ") || line.equals("data: [DONE]")) {
                    continue;
                }
                JsonNode chunk = JSON.readTree(line.substring(6));
                if (chunk.has("error")) {
                    throw failure(500, line.substring(6));
                }
                String text = chunk.path("choices").path(0).path("text").asString("");
                whole.append(text);
                if (!text.isEmpty() && !piece.test(text)) {
                    break; // closing the stream ends the writing
                }
            }
            return whole.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Continues a text with and without its edits. */
    public Steered steer(Writing writing) {
        JsonNode r = post("/api/steer", writing.steering());
        List<String> edits = new ArrayList<>();
        r.path("edits").forEach(e -> edits.add(e.asString()));
        return new Steered(
                r.path("default").asString(),
                r.path("steered").asString(),
                r.path("kl").asDouble(),
                List.copyOf(edits));
    }

    /** Features whose label, tokens or examples hold a text, best first. */
    public List<Feature> search(String query, int limit) {
        List<Feature> all = new ArrayList<>();
        JsonNode hits = get("/api/search?limit=" + limit + "&q=" + URLEncoder.encode(query, StandardCharsets.UTF_8))
                .path("hits");
        for (JsonNode h : hits) {
            JsonNode summary = h.path("hit").path("summary");
            all.add(feature(h.path("sae").asString(), summary.isMissingNode() ? h.path("hit") : summary));
        }
        return List.copyOf(all);
    }

    /** A feature. */
    public Feature feature(String sae, int id) {
        return feature(sae, get("/api/features/" + sae + "/" + id).path("summary"));
    }

    /** The features of an SAE, in the order of its list. */
    public List<Feature> features(String sae, int offset, int limit) {
        List<Feature> all = new ArrayList<>();
        get("/api/features/" + sae + "?offset=" + offset + "&limit=" + limit)
                .path("features")
                .forEach(f -> all.add(feature(sae, f)));
        return List.copyOf(all);
    }

    /** The active latents of an SAE at every token of some texts. */
    public List<TokenLatents> encode(String sae, String... texts) {
        List<TokenLatents> all = new ArrayList<>();
        for (JsonNode row : rows("/api/encode", Map.of("sae", sae, "texts", texts))) {
            JsonNode latents = row.path("latents");
            int[] ids = new int[latents.size()];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = latents.path(i).asInt();
            }
            all.add(new TokenLatents(
                    row.path("text").asInt(),
                    row.path("position").asInt(),
                    row.path("token_id").asInt(),
                    row.path("token").asString(""),
                    ids,
                    floats(row.path("values"))));
        }
        return List.copyOf(all);
    }

    /** A model's activations at some hook points, at every token of some texts. */
    public List<TokenActivations> activations(String model, List<String> hooks, String... texts) {
        List<TokenActivations> all = new ArrayList<>();
        for (JsonNode row : rows("/api/activations", Map.of("model", model, "hooks", hooks, "texts", texts))) {
            Map<String, float[]> values = new LinkedHashMap<>();
            hooks.forEach(h -> values.put(h, floats(row.path(h))));
            all.add(new TokenActivations(
                    row.path("text").asInt(),
                    row.path("position").asInt(),
                    row.path("token_id").asInt(),
                    row.path("token").asString(""),
                    Collections.unmodifiableMap(values)));
        }
        return List.copyOf(all);
    }

    /** All jobs, newest first. */
    public List<JobStatus> jobs() {
        List<JobStatus> all = new ArrayList<>();
        get("/api/jobs").path("jobs").forEach(j -> all.add(job(j)));
        return List.copyOf(all);
    }

    /** A job as it stands. */
    public JobStatus job(String id) {
        return job(get("/api/jobs/" + id));
    }

    /**
     * Starts a job.
     *
     * @param kind capture, train, eval, index or compare
     * @param request what to do, as {@code /api/docs} describes it
     */
    public JobStatus start(String kind, Map<String, ?> request) {
        return job(post("/api/jobs", Map.of("kind", kind, "request", request)));
    }

    /** Asks a job to stop. */
    public JobStatus cancel(String id) {
        return job(post("/api/jobs/" + id + "/cancel", Map.of()));
    }

    /** Waits until a job has ended. */
    public JobStatus await(String id) throws InterruptedException {
        JobStatus job = job(id);
        while (!job.ended()) {
            Thread.sleep(POLL);
            job = job(id);
        }
        return job;
    }

    /** Names of the saved variants. */
    public List<String> variants() {
        List<String> all = new ArrayList<>();
        get("/api/variants").path("variants").forEach(v -> all.add(v.asString()));
        return List.copyOf(all);
    }

    /** Saves edits as a variant, so that {@code model@name} writes under them. */
    public void saveVariant(String name, List<Edit> edits) {
        String body = JSON.writeValueAsString(Map.of("edits", edits));
        read(request("/api/variants/" + name)
                .PUT(HttpRequest.BodyPublishers.ofString(body))
                .build());
    }

    /** Deletes a variant. */
    public void deleteVariant(String name) {
        read(request("/api/variants/" + name).DELETE().build());
    }

    @Override
    public void close() {
        http.close();
    }

    private static Feature feature(String sae, JsonNode f) {
        return new Feature(
                sae,
                f.path("id").asInt(),
                f.path("label").asString(""),
                f.path("density").asDouble(0),
                f.path("max").asDouble(0),
                f.path("top_label").asString(""),
                f.path("top_label_share").asDouble(0));
    }

    private static JobStatus job(JsonNode j) {
        return new JobStatus(
                j.path("id").asString(""),
                j.path("kind").asString(""),
                j.path("state").asString("").toLowerCase(Locale.ROOT),
                j.path("stage").asString(""),
                j.path("done").asLong(0),
                j.path("total").asLong(-1),
                j.path("text").isString() ? j.path("text").asString() : null);
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.path(i).asDouble();
        }
        return values;
    }

    private JsonNode rows(String path, Object body) {
        return read(request(path)
                        .setHeader("Accept", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)))
                        .build())
                .path("rows");
    }

    private JsonNode get(String path) {
        return read(request(path).GET().build());
    }

    private JsonNode post(String path, Object body) {
        return read(request(path)
                .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)))
                .build());
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder r =
                HttpRequest.newBuilder(URI.create(base + path)).header("Content-Type", "application/json");
        return token == null ? r : r.header("Authorization", "Bearer " + token);
    }

    private JsonNode read(HttpRequest request) {
        HttpResponse<String> r = send(request, HttpResponse.BodyHandlers.ofString());
        if (r.statusCode() >= 400) {
            throw failure(r.statusCode(), r.body());
        }
        return JSON.readTree(r.body());
    }

    private <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
        try {
            return http.send(request, handler);
        } catch (IOException e) {
            throw new UncheckedIOException("The server at " + base + " cannot be reached: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new java.io.InterruptedIOException("interrupted"));
        }
    }

    /** An error object of the OpenAI protocol, or problem JSON. */
    private static ServerException failure(int status, String body) {
        JsonNode json;
        try {
            json = JSON.readTree(body);
        } catch (tools.jackson.core.JacksonException e) {
            return new ServerException(status, "The server answered " + status + ".", null);
        }
        JsonNode error = json.path("error");
        String sentence = Stream.of(error.path("message"), json.path("detail"))
                .filter(JsonNode::isString)
                .map(JsonNode::asString)
                .findFirst()
                .orElse("The server answered " + status + ".");
        return new ServerException(
                status,
                sentence,
                error.path("param").isString() ? error.path("param").asString() : null);
    }
}
