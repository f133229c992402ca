package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Sweeps over HTTP: planned before they start, refused in one sentence. */
class SweepsOverHttpTest {
    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(SmallWorkspace.folder(), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @Test
    void aPlanSaysWhatASweepTakesAndTrainsNothing() throws Exception {
        HttpResponse<String> r = http.post(
                "/api/sweeps/plan",
                "{\"name\": \"web\", \"store\": \"small\", \"arch\": \"topk\", \"d_sae\": [64, 96], \"k\": 4, \"seeds\": [0, 1],"
                        + " \"steps\": 10, \"set\": {\"batch\": 128}}");
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        JsonNode plan = json(r);
        assertThat(plan.path("passes").get(0).size()).isEqualTo(4);
        assertThat(plan.path("memory_bytes").asLong()).isPositive();
        assertThat(http.bench().saes().names()).noneMatch(n -> n.startsWith("web."));
    }

    @Test
    void whatCannotBeTrainedIsRefusedBeforeAJobIsWrittenDown() throws Exception {
        HttpResponse<String> r = http.post(
                "/api/sweeps",
                "{\"name\": \"web\", \"store\": \"small\", \"arch\": [\"topk\"], \"d_sae\": [8], \"k\": [9]}");
        assertThat(r.statusCode()).as(r.body()).isEqualTo(400);
        assertThat(json(r).path("detail").asString()).contains("k must be");
        assertThat(http.get("/api/sweeps/none").statusCode()).isEqualTo(404);
        assertThat(json(http.get("/api/sweeps")).path("sweeps").isArray()).isTrue();
    }
}
