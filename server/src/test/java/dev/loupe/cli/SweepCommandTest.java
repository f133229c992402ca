package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.service.Pareto;
import dev.loupe.service.Settings;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import dev.loupe.train.TrainConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** A sweep from its file to its table. */
class SweepCommandTest {
    private static final String YAML = """
            name: widths
            store: small
            arch: [topk, jumprelu]
            d_sae: [64, 96]
            k: 8
            seeds: 0..1
            steps: 20
            set:
              batch: 256
            vary:
              learning_rate: 0.002
            evaluate: %s
            """;

    @TempDir
    static Path dir;

    private static Cli cli;

    @BeforeAll
    static void copy() throws IOException {
        cli = SmallWorkspace.linked(dir.resolve("w"), "activations");
    }

    private static Path file(String text) throws IOException {
        return Files.writeString(Files.createTempFile(dir, "sweep", ".yaml"), text);
    }

    @Test
    void everyCombinationIsPlannedTrainedMeasuredAndKept() throws IOException {
        Path file = file(YAML.formatted("true"));
        Cli.Result plan = cli.run("--json", "sweep", file.toString(), "--plan");
        assertThat(plan.code()).as(plan.err()).isZero();
        assertThat(plan.json().path("passes").size()).isEqualTo(1);
        assertThat(plan.json().path("passes").get(0).size()).isEqualTo(8);
        assertThat(plan.json().path("seconds").asDouble()).isPositive();
        assertThat(plan.json().path("memory_bytes").asLong()).isPositive();
        assertThat(dir.resolve("w/sweeps/widths/sweep.json")).doesNotExist();

        Cli.Result r = cli.run("--json", "sweep", file.toString());
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode rows = r.json().path("rows");
        assertThat(rows.size()).isEqualTo(8);
        for (JsonNode row : rows) {
            assertThat(row.path("held_out").asBoolean()).isTrue();
            assertThat(row.path("delta_ce").isNumber()).isTrue();
            assertThat(row.path("failure").isNull()).isTrue();
        }
        assertThat(rows.get(0).path("sae").asString()).isEqualTo("widths.topk-64-k8-learning_rate-0.002-s0");
        assertThat(rows.findValuesAsString("best_fvu")).contains("true");
        assertThat(r.json().path("tokens_per_second").asDouble()).isPositive();

        Cli.Result again = cli.run("sweep", file.toString());
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.out()).contains("widths.jumprelu-96-k8", "delta CE");
        JsonNode kept = cli.run("--json", "sweep", file.toString(), "--plan").json();
        assertThat(kept.path("kept").size()).isEqualTo(8);
        assertThat(kept.path("passes").size()).isZero();

        aTaskRunByItselfMakesTheSameSae();
    }

    private void aTaskRunByItselfMakesTheSameSae() throws IOException {
        String name = "widths.jumprelu-64-k8-learning_rate-0.002-s1";
        Path other = dir.resolve("elsewhere");
        Cli.Result r = SmallWorkspace.linked(other, "activations")
                .run(
                        "task",
                        dir.resolve("w/sweeps/widths/tasks/" + name + ".json").toString());
        assertThat(r.code()).as(r.err()).isZero();
        String weights = "saes/" + name + "/sae_weights.safetensors";
        assertThat(Files.mismatch(other.resolve(weights), dir.resolve("w").resolve(weights)))
                .isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "d_sea: 64             | d_sae",
                "arch: dance           | dance",
                "d_sae: 0              | at least 1",
                "tokens: many          | many",
                "seeds: x              | seeds",
                "vary: {learning_rat: 1} | learning_rate",
                "set: {k: 100000}      | k must be",
                "d_sae: 900000000      | smaller d_sae",
                "hook: blocks.9.hook_x | blocks.9.hook_x",
                "preset: nonsense      | nonsense",
            })
    void badFilesAreRefusedInOneSentenceBeforeAnyWork(String line, String word) throws IOException {
        Path file = file("name: bad\nstore: small\n" + line + "\n");
        Cli.Result r = cli.run("sweep", file.toString());
        assertThat(r.code()).isNotZero();
        assertThat(r.err()).contains(word);
        assertThat(r.out()).isEmpty();
        assertThat(dir.resolve("w/sweeps/bad/sweep.json")).doesNotExist();
    }

    @Test
    void aWholeTrainingInAFileWithItsPresetAndItsCurvesForTensorBoard() throws IOException {
        Path file = file("""
                store: small
                name: from-file
                preset: gemma-scope
                d_sae: 64
                seeds: [0, 1]
                tokens: 4k
                batch: 256
                """);
        Cli.Result r = cli.run(
                "--json",
                "train",
                "--config",
                file.toString(),
                "--tensorboard",
                dir.resolve("tb").toString());
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.json().path("saes").size()).isEqualTo(2);
        assertThat(Files.readString(dir.resolve("w/saes/from-file-s1/loupe.json")))
                .contains("\"learning_rate\" : 7.0E-5", "\"steps\" : 16", "\"start\" : \"fixed\"");
        assertThat(dir.resolve("tb/s0")).isDirectory();
        assertThat(dir.resolve("tb/s1_50__")).isDirectory(); // the middle threshold
        Cli.Result list = cli.run("train", "--presets");
        assertThat(list.code()).isZero();
        assertThat(list.out()).contains("gemma-scope", "anthropic-2024", "2406.04093");
        assertThat(cli.run("train", "--store", "small").err()).contains("--name");
        assertThat(cli.run("train", "--store", "small", "--preset", "gemascope").err())
                .contains("gemma-scope");
    }

    private static Map<String, TrainConfig> planned(String yaml) throws IOException {
        SweepSpec spec = SweepCommand.spec(Yaml.tree(file("name: planned\nstore: small\nd_sae: 64\n" + yaml)));
        Map<String, TrainConfig> all = new LinkedHashMap<>();
        try (Workbench bench = new Workbench(Workspace.create(dir.resolve("w")), Settings.load(Map.of(), Map.of()))) {
            bench.sweeps().tasks(spec).forEach(t -> all.put(t.name(), t.config()));
        }
        return all;
    }

    @Test
    void aSweepSteersNoWeightAwayThatWasAskedFor() throws IOException {
        Map<String, TrainConfig> l1 = planned("arch: relu\nvary: {l1: [1, 5]}\n");
        assertThat(l1.keySet()).containsExactly("planned.relu-64-l1-1-s0", "planned.relu-64-l1-5-s0");
        assertThat(l1.values()).extracting(TrainConfig::l0Target).containsExactly(0.0, 0.0);
        assertThat(l1.values()).extracting(TrainConfig::l1).containsExactly(1.0, 5.0);
        TrainConfig published = planned("preset: anthropic-2024\narch: relu\n").get("planned.relu-64-s0");
        assertThat(published.l0Target()).isZero();
        assertThat(published.recipe()).isEqualTo("anthropic-2024");
        assertThat(planned("preset: openai-topk\n").get("planned.topk-64-s0").k())
                .isEqualTo(32);
        assertThat(planned("preset: openai-topk\nk: 8\n")
                        .get("planned.topk-64-k8-s0")
                        .k())
                .isEqualTo(8);
        assertThat(planned("arch: [topk, relu]\n").values())
                .extracting(c -> c.k() + c.l0Target())
                .containsExactly(24.0, 24.0);
        Map<String, TrainConfig> mixed = planned("arch: [topk, jumprelu]\nset: {bandwidth: 0.3}\n");
        assertThat(mixed.get("planned.jumprelu-64-k24-s0").bandwidth()).isEqualTo(0.3);
        assertThat(mixed.get("planned.topk-64-k24-s0").bandwidth()).isZero();
        assertThatThrownBy(() -> planned("arch: relu\nk: 8\nvary: {l1: [1, 5]}\n"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("both k and l1");
    }

    @Test
    void theFrontHoldsWhatNothingBeats() {
        boolean[] front = Pareto.front(new double[] {1, 2, 3, 2.5, Double.NaN, 1}, new double[] {5, 4, 3, 4.5, 1, 6});
        assertThat(front).containsExactly(true, true, true, false, false, false);
    }
}
