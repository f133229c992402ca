package dev.loupe.http;

import static dev.loupe.http.Http.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cli.SmallWorkspace;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Doses and responses, over HTTP. */
class SweepTest {
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
    void strengthZeroChangesNothingAndMoreChangesMore() throws Exception {
        String edit = "{\"feature\": \"tiny-s0:3\", \"op\": \"add\", \"strength\": 100, \"unit\": \"absolute\"}";
        HttpResponse<String> r = http.post(
                "/api/steer/sweep",
                "{\"variant\": {\"edits\": [" + edit + "]}, \"strengths\": [0, 0.05, 1], \"prompts\": [\"We have\","
                        + " \"I would like to thank\"], \"neutral\": [\"The Council has met today in Brussels.\"],"
                        + " \"max_tokens\": 12, \"target\": \"en\"}");
        assertThat(r.statusCode()).as(r.body()).isEqualTo(200);
        JsonNode points = json(r).path("points");
        assertThat(points.size()).isEqualTo(3);
        assertThat(points.get(0).path("kl_neutral").asDouble()).isZero();
        assertThat(points.get(1).path("kl_neutral").asDouble()).isPositive();
        assertThat(points.get(2).path("kl_neutral").asDouble())
                .isGreaterThan(points.get(1).path("kl_neutral").asDouble());
        assertThat(points.get(2).path("perplexity").asDouble())
                .isGreaterThan(points.get(0).path("perplexity").asDouble());
        for (JsonNode p : points) {
            assertThat(p.path("target_rate").asDouble()).isBetween(0.0, 1.0);
            assertThat(p.path("distinct2").asDouble()).isBetween(0.0, 1.0);
            assertThat(p.path("texts").size()).isEqualTo(2);
            assertThat(p.path("edits").size()).isEqualTo(1);
        }
        JsonNode plain = json(http.post(
                "/v1/completions",
                "{\"model\": \"builtin\", \"prompt\": \"We have\", \"max_tokens\": 12, \"temperature\": 0}"));
        assertThat(points.get(0).path("texts").get(0).asString())
                .isEqualTo(plain.path("choices").get(0).path("text").asString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                                                         | prompts",
                "{'prompts': ['a'], 'strengths': [1e999]}                   | strengths",
                "{'prompts': ['a'], 'max_tokens': 100000}                   | max_tokens",
                "{'prompts': ['a'], 'variant': {'edits': [{'feature': 'tiny-s0:3', 'op': 'ablate'}]}} | scale",
                "{'prompts': ['a'], 'variant': {'edits': [], 'wen': 'x'}}   | wen",
            })
    void whatCannotBeMeasuredIsRefused(String body, String word) throws Exception {
        HttpResponse<String> r = http.post("/api/steer/sweep", body.replace('\'', '"'));
        assertThat(r.statusCode()).as(r.body()).isEqualTo(400);
        assertThat(json(r).path("detail").asString()).contains(word);
    }
}
