package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests with a field that is misspelt or in the wrong place: none is answered as if it were not there. */
class StrictRequestsTest {
    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(folder, null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/api/steer | {\"prompt\": \"a\", \"edits\": []} | edits | variant",
                "/api/steer | {\"prompt\": \"a\", \"stream\": true, \"maxtokens\": 3} | maxtokens | max_tokens",
                "/api/steer/chat | {\"messages\": [], \"edits\": []} | edits | variant",
                "/api/steer/sweep | {\"strength\": [1]} | strength | strengths",
                "/api/comparisons | {\"a\": \"x\", \"b\": \"y\", \"treshold\": 0.5} | treshold | threshold",
                "/api/patches | {\"task\": \"person\", \"pairs_of_task\": 4} | pairs_of_task | task_pairs",
                "/api/jobs | {\"kind\": \"train\", \"requests\": {}} | requests | request",
                "/api/jobs | {\"kind\": \"train\", \"request\": {\"name\": \"t\", \"store\": \"s\", \"arch\": \"topk\", \"d_sea\": 64}}"
                        + " | d_sea | d_sae",
                "/api/jobs | {\"kind\": \"capture\", \"request\": {\"name\": \"s\", \"text\": \"t\", \"hooks\": [\"h\"], \"tokens\": 5,"
                        + " \"rules\": {\"shard_row\": 1024}}} | rules.shard_row | shard_rows",
                "/api/jobs | {\"kind\": \"eval\", \"request\": {\"sae\": \"x\", \"stores\": \"s\"}} | stores | store",
                "/api/jobs | {\"kind\": \"patch\", \"request\": {\"task\": \"person\", \"name\": \"n\", \"site\": []}} | site | sites",
            })
    void anUnknownFieldIsNamedWithThoseThatAreKnown(String path, String body, String unknown, String known)
            throws Exception {
        HttpResponse<String> answer = http.post(path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(400);
        String detail = Http.json(answer).path("detail").asString("");
        assertThat(detail).contains("unknown field \"" + unknown + "\"; known are ");
        assertThat(detail.substring(detail.indexOf("known are ")).split("[ ,.]+"))
                .contains(known);
        assertThat(http.bench().jobs().list()).isEmpty();
    }
}
