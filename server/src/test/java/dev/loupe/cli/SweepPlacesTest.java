package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Sweeps over several hook points, on a store and straight from a model. */
class SweepPlacesTest {
    @TempDir
    static Path dir;

    private static Cli cli;
    private static Path text;

    @BeforeAll
    static void capture() throws IOException {
        cli = new Cli(dir.resolve("w"));
        text = Files.writeString(dir.resolve("text.jsonl"), SmallWorkspace.documents(60));
        Cli.Result r = cli.run(
                "capture",
                "--text",
                text.toString(),
                "--hook",
                "blocks.0.hook_mlp_in,blocks.1.hook_mlp_in,blocks.0.hook_mlp_out,blocks.1.hook_mlp_out",
                "--tokens",
                "2500",
                "--held-out",
                "0.3",
                "--name",
                "several");
        assertThat(r.code()).as(r.err()).isZero();
    }

    private static Path file(String content) throws IOException {
        return Files.writeString(Files.createTempFile(dir, "sweep", ".yaml"), content);
    }

    private static JsonNode swept(Path file) {
        Cli.Result r = cli.run("--json", "sweep", file.toString());
        assertThat(r.code()).as(r.err()).isZero();
        return r.json();
    }

    @Test
    void aFrontForEachHookPointOfAStore() throws IOException {
        Path file = file("""
                name: places
                store: several
                hook: [blocks.0.hook_mlp_in, blocks.1.hook_mlp_in]
                d_sae: 32
                k: [2, 8]
                steps: 30
                set: {batch: 256}
                evaluate: false
                """);
        JsonNode plan = cli.run("--json", "sweep", file.toString(), "--plan").json();
        assertThat(plan.path("passes").size()).isEqualTo(1);
        assertThat(plan.path("passes").get(0).size()).isEqualTo(4);
        JsonNode rows = swept(file).path("rows");
        assertThat(rows.findValuesAsString("sae"))
                .containsExactly(
                        "places.blocks.0.hook_mlp_in.topk-32-k2-s0",
                        "places.blocks.0.hook_mlp_in.topk-32-k8-s0",
                        "places.blocks.1.hook_mlp_in.topk-32-k2-s0",
                        "places.blocks.1.hook_mlp_in.topk-32-k8-s0");
        Map<String, Integer> best = new HashMap<>();
        for (JsonNode row : rows) {
            assertThat(row.path("fvu").asDouble()).isBetween(0.0, 1.5);
            if (row.path("best_fvu").asBoolean()) {
                best.merge(row.path("hook").asString(), 1, Integer::sum);
            }
        }
        assertThat(best).containsOnlyKeys("blocks.0.hook_mlp_in", "blocks.1.hook_mlp_in");
        Cli.Result again = cli.run("sweep", file.toString());
        assertThat(again.out()).contains("blocks.0.hook_mlp_in\n", "at this hook point");
    }

    @Test
    void transcodersOfAllLayersAreATranscoderSet() throws IOException {
        Path file = file("""
                name: coders
                store: several
                hook: blocks.*.hook_mlp_in
                hook_out: blocks.*.hook_mlp_out
                d_sae: 32
                k: 4
                steps: 20
                set: {batch: 256}
                """);
        JsonNode rows = swept(file).path("rows");
        assertThat(rows.findValuesAsString("sae"))
                .containsExactly("coders.topk-32-k4-s0-l0", "coders.topk-32-k4-s0-l1");
        assertThat(rows.get(1).path("hook_out").asString()).isEqualTo("blocks.1.hook_mlp_out");
        Cli.Result set = cli.run("--json", "eval", "coders.topk-32-k4-s0");
        assertThat(set.code()).as(set.err()).isZero();
        assertThat(set.json()
                        .path("saes")
                        .path("coders.topk-32-k4-s0")
                        .path("fvu")
                        .isNumber())
                .isTrue();
    }

    @Test
    void straightFromAModelAllHookPointsShareItsPassesAndAStoppedSweepGoesOn() throws IOException {
        String content = """
                name: live
                store: none
                live: {text: %s, context: 64, held_out: 0.3}
                hook: [blocks.0.hook_mlp_in, blocks.1.hook_mlp_in]
                d_sae: %s
                k: 4
                steps: 10
                set: {batch: 128}
                eval_store: several
                """;
        JsonNode first = swept(file(content.formatted(text, "32")));
        assertThat(first.path("rows").size()).isEqualTo(2);
        assertThat(first.path("rows").get(0).path("held_out").asBoolean()).isTrue();
        Path more = file(content.formatted(text, "[32, 48]"));
        Cli.Result plan = cli.run("--json", "sweep", more.toString(), "--plan");
        assertThat(plan.code()).as(plan.err()).isZero();
        assertThat(plan.json().path("kept").size()).isEqualTo(2);
        assertThat(plan.json().path("passes").get(0).size()).isEqualTo(2);
        assertThat(plan.json().path("seconds").asDouble()).isPositive();
        JsonNode all = swept(more);
        assertThat(all.path("rows").size()).isEqualTo(4);
        assertThat(all.path("rows").findValuesAsString("failure")).containsOnly("");
    }

    /** The same hook points as one crosscoder, which only train makes. */
    @Test
    void theCardOfACrosscoderHasALineForEachHookPoint() {
        Cli.Result r = cli.run(
                "train",
                "--store",
                "several",
                "--hook",
                "blocks.*.hook_mlp_out",
                "--arch",
                "batchtopk",
                "--d-sae",
                "32",
                "--k",
                "4",
                "--steps",
                "20",
                "--set",
                "batch=256",
                "--name",
                "cross");
        assertThat(r.code()).as(r.err()).isZero();
        Cli.Result card = cli.run("eval", "cross", "--no-random-control");
        assertThat(card.code()).as(card.err()).isZero();
        assertThat(card.out().lines().filter(l -> l.startsWith("blocks.")))
                .hasSize(2)
                .allMatch(l -> l.matches("blocks\\.[01]\\.hook_mlp_out +[0-9.]+ +-?[0-9.]+"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "store: several                                                       | choose with hook",
                "store: several; hook: blocks.9.hook_mlp_in                           | blocks.9.hook_mlp_in",
                "store: several; hook: blocks.*.hook_resid                            | blocks.*.hook_resid",
                "store: several; hook: blocks.*.hook_mlp_in; hook_out: blocks.0.hook_mlp_out | 2 are read and 1",
                "store: several; hook: blocks.*.hook_mlp_in; hook_out: blocks.*+.hook_mlp_out | cross-layer",
                "store: none                                                          | give live",
                "store: several; live: {text: x}                                      | not both",
                "store: none; hook: blocks.0.hook_mlp_inn; live: {text: builtin:europarl} | blocks.0.hook_mlp_in",
                "store: none; hook: blocks.0.hook_mlp_in; live: {txt: x}              | text",
            })
    void whatCannotBeSweptIsRefusedBeforeAnyWork(String lines, String word) throws IOException {
        Path file = file("name: bad\n" + lines.replace("; ", "\n") + "\n");
        Cli.Result r = cli.run("sweep", file.toString());
        assertThat(r.code()).isNotZero();
        assertThat(r.err()).contains(word);
        assertThat(dir.resolve("w/sweeps/bad")).doesNotExist();
    }
}
