package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.Cli;
import dev.loupe.cli.SmallWorkspace;
import dev.loupe.feature.FeatureGroup;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Notes, lists, explanations, and features for other programs. */
class NotesTest {
    @TempDir
    static Path folder;

    private static Path workspace;
    private static Http http;

    @BeforeAll
    static void start() throws IOException {
        workspace = folder.resolve("workspace");
        try (Stream<Path> all = Files.walk(SmallWorkspace.folder())) {
            for (Path p : all.toList()) {
                Path target = workspace.resolve(SmallWorkspace.folder().relativize(p));
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target);
                }
            }
        }
        http = new Http(workspace, null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void two_people_who_edit_one_note_do_not_overwrite_each_other() throws Exception {
        String path = "/api/features/tiny-s0/3/note";
        assertThat(json(http.get(path)).path("version").asInt()).isZero();
        JsonNode first = json(http.send("PUT", path, "{\"text\": \"fires on <b>reports</b>\", \"version\": 0}"));
        assertThat(first.path("version").asInt()).isEqualTo(1);
        HttpResponse<String> late = http.send("PUT", path, "{\"text\": \"mine\", \"version\": 0}");
        assertThat(late.statusCode()).isEqualTo(409);
        assertThat(json(late).path("detail").asString()).contains("changed meanwhile");
        assertThat(json(http.get(path)).path("text").asString()).isEqualTo("fires on <b>reports</b>");
        assertThat(http.send("PUT", path, "{\"text\": \"both\", \"version\": 1}")
                        .statusCode())
                .isEqualTo(200);
        assertThat(json(http.get("/api/features/tiny-s0/notes")).path("notes")).hasSize(1);
        assertThat(http.get("/api/features/tiny-s0/999/note").statusCode()).isEqualTo(404);
    }

    @Test
    void lists_are_saved_shown_and_deleted() throws Exception {
        String body = "{\"description\": \"d\", \"features\": [{\"sae\": \"tiny-s0\", \"id\": 1, \"comment\": \"\"},"
                + " {\"sae\": \"tiny-s1\", \"id\": 2, \"comment\": \"c\"}]}";
        assertThat(json(http.send("PUT", "/api/lists/mine", body))
                        .path("version")
                        .asInt())
                .isEqualTo(1);
        assertThat(http.send("PUT", "/api/lists/mine", body).statusCode()).isEqualTo(409);
        assertThat(json(http.get("/api/lists")).path("lists").get(0).asString()).isEqualTo("mine");
        HttpResponse<String> html = http.get("/api/lists/mine/html");
        assertThat(html.headers().firstValue("content-type").orElse("")).startsWith("text/html");
        // its own style is obeyed when it is looked at here; scripts and other addresses never
        assertThat(html.headers().allValues("content-security-policy"))
                .singleElement()
                .asString()
                .contains("default-src 'none'", "style-src 'unsafe-inline'");
        assertThat(html.body())
                .contains("<h1>mine</h1>", "SAE tiny-s0", "SAE tiny-s1")
                .containsOnlyOnce("<!doctype html>")
                .doesNotContain("<script");
        assertThat(http.send("PUT", "/api/lists/bad", body.replace("\"id\": 1", "\"id\": 999"))
                        .statusCode())
                .isEqualTo(404);
        assertThat(http.send("DELETE", "/api/lists/mine", "").statusCode()).isEqualTo(200);
        assertThat(http.get("/api/lists/mine").statusCode()).isEqualTo(404);
    }

    @Test
    void features_leave_as_json_lines_and_html_and_explanations_come_back() throws Exception {
        String id = json(http.get("/api/features/tiny-s1?sort=max&descending=true&limit=1"))
                .path("features")
                .get(0)
                .path("id")
                .asString();
        JsonNode feature = lines(http.get("/api/features/tiny-s1/export?ids=" + id))[0];
        assertThat(feature.path("index").asString()).isEqualTo(id);
        assertThat(feature.path("layer").asString()).isEqualTo("2-tiny-s1");
        assertThat(feature.path("pos_str").size())
                .isEqualTo(feature.path("pos_values").size());
        JsonNode activation = lines(http.get("/api/features/tiny-s1/export?kind=activations&ids=" + id))[0];
        assertThat(activation
                        .path("values")
                        .get(activation.path("maxValueTokenIndex").asInt()))
                .isEqualTo(activation.path("maxValue"));
        HttpResponse<String> all = http.get("/api/features/tiny-s1/export");
        assertThat(lines(all)).hasSizeGreaterThan(10);
        assertThat(all.headers().firstValue("content-length"))
                .as("sent as it is made")
                .isEmpty();
        assertThat(http.get("/api/features/tiny-s1/export?ids=1,99999").statusCode())
                .isEqualTo(404);
        JsonNode[] before = lines(http.get("/api/features/tiny-s1/export?kind=explanations&ids=" + id));
        String hostile = "{\"modelId\": \"m\", \"layer\": \"2-x\", \"index\": \"" + id
                + "\", \"description\": \"<script>alert(1)</script>\", \"typeName\": \"oai_token-act-pair\","
                + " \"explanationModelName\": \"someone\", \"scores\": [{\"value\": 0.9,"
                + " \"explanationScoreTypeName\": \"recall_alt\"}, {\"value\": 0.75,"
                + " \"explanationScoreTypeName\": \"eleuther_recall\"}, {\"value\": 0.5,"
                + " \"explanationScoreTypeName\": \"eleuther_fuzz\"}]}\n";
        HttpResponse<String> taken = http.post("/api/features/tiny-s1/explanations", hostile);
        assertThat(json(taken).path("explanations").asInt()).isEqualTo(1);
        JsonNode mine = json(http.get("/api/features/tiny-s1/" + id + "/explanations"))
                .path("explanations")
                .get(0);
        assertThat(mine.path("author").asString()).isEqualTo("someone");
        assertThat(mine.path("detection").asDouble()).isEqualTo(0.75);
        assertThat(mine.path("fuzzing").asDouble()).isEqualTo(0.5);
        assertThat(json(http.post("/api/features/tiny-s1/explanations", hostile))
                        .path("explanations")
                        .asInt())
                .isZero(); // it is there already
        assertThat(lines(http.get("/api/features/tiny-s1/export?kind=explanations&ids=" + id)))
                .hasSize(before.length + 1);
        JsonNode found =
                json(http.get("/api/search?sae=tiny-s1&q=SCRIPT%20alert")).path("hits");
        assertThat(found.get(0).path("hit").path("summary").path("id").asString())
                .isEqualTo(id);
        assertThat(found.get(0).path("hit").path("where").asString()).isEqualTo("explanation");
        String html =
                http.get("/api/features/tiny-s1/export?format=html&ids=" + id).body();
        assertThat(html)
                .contains("&lt;script&gt;", "detection 0.75, fuzzing 0.50", "How strongly it fires", "held out</span>")
                .contains("<section id=\"tiny-s1-" + id + "\">")
                .doesNotContain("<script", "NaN", "http:", "https:", "url(", "@import");
        assertThat(html.split("class=\"ex\"").length - 1)
                .isEqualTo(html.split(" peak\"").length - 1) // every example has one peak
                .isGreaterThan(3);
        assertThat(http.post("/api/features/tiny-s1/explanations", "{\"index\": \"1\"}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(http.get("/api/features/tiny-s1/export?format=pdf").statusCode())
                .isEqualTo(400);
    }

    private static JsonNode[] lines(HttpResponse<String> r) {
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        return r.body().lines().map(l -> dev.loupe.base.Json.MAPPER.readTree(l)).toArray(JsonNode[]::new);
    }

    @Test
    void the_command_line_does_the_same() throws Exception {
        Path target = folder.resolve("neuronpedia");
        Cli.Result r = new Cli(workspace).run("export", "tiny-s0", target.toString(), "--format", "neuronpedia");
        assertThat(r.code()).as(r.err()).isZero();
        try (GZIPInputStream in =
                new GZIPInputStream(Files.newInputStream(target.resolve("features/batch-0.jsonl.gz")))) {
            assertThat(new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
                    .startsWith("{\"modelId\"");
        }
        Path explanations = target.resolve("explanations/batch-0.jsonl.gz");
        Cli.Result back = new Cli(workspace)
                .run("import", explanations.toString(), "--format", "neuronpedia", "--name", "tiny-s1");
        assertThat(back.code()).as(back.err()).isZero();
        assertThat(back.out()).contains("explanations more");
        Path page = folder.resolve("page.html");
        Cli.Result html =
                new Cli(workspace).run("export", "tiny-s0", page.toString(), "--format", "html", "--ids", "1,2");
        assertThat(html.code()).as(html.err()).isZero();
        assertThat(Files.readString(page)).contains("<h2>1 ·", "<h2>2 ·");
    }

    @Test
    void a_control_on_a_model_that_never_learned_anything_stands_beside_the_lists() throws Exception {
        JsonNode before = json(http.get("/api/features/tiny-s0/groups")).path("groups");
        assertThat(before).hasSize(FeatureGroup.values().length);
        assertThat(before.get(0).path("control").isNull()).isTrue();
        http.bench().controls().make("tiny-s0", dev.loupe.base.Progress.silent());
        JsonNode after = json(http.get("/api/features/tiny-s0/groups")).path("groups");
        for (int g = 0; g < before.size(); g++) {
            assertThat(after.get(g).path("count")).isEqualTo(before.get(g).path("count"));
            assertThat(after.get(g).path("control").isInt()).isTrue();
            assertThat(after.get(g).path("control_share").asDouble()).isBetween(0.0, 1.0);
        }
    }

    @Test
    void an_answer_that_did_not_change_is_not_sent_again() throws Exception {
        HttpResponse<String> first = http.get("/api/features/tiny-s0/5");
        String etag = first.headers().firstValue("etag").orElseThrow();
        assertThat(etag).matches("\"[0-9a-f]{24}\""); // quoted, or caches between do not know it
        HttpResponse<String> again = http.get("/api/features/tiny-s0/5", "If-None-Match", "\"other\", W/" + etag);
        assertThat(again.statusCode()).isEqualTo(304);
        assertThat(again.body()).isEmpty();
        assertThat(again.headers().firstValue("etag")).contains(etag);
        assertThat(http.get("/api/features/tiny-s0/5", "If-None-Match", "\"other\"")
                        .body())
                .isEqualTo(first.body());
        assertThat(http.get("/api/features/tiny-s0/999").headers().firstValue("etag"))
                .isEmpty();
        assertThat(http.get("/api/features/tiny-s0/5", "If-None-Match", etag).statusCode())
                .isEqualTo(304);
        assertThat(http.get("/api/features/tiny-s0/6", "If-None-Match", etag).statusCode())
                .isEqualTo(200);
    }
}
