package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class CommandsTest {
    private final Cli cli = SmallWorkspace.cli();

    @ParameterizedTest
    @ValueSource(strings = {"capture", "train"})
    void captureAndTrainPrintSpeedTimeAndMemory(String command) {
        JsonNode json = SmallWorkspace.result(command).json();
        assertThat(json.path("tokens_per_second").asDouble()).isPositive();
        assertThat(json.path("seconds").asDouble()).isPositive();
        assertThat(json.path("peak_memory_bytes").asLong()).isGreaterThan(50L << 20);
    }

    @Test
    void trainMakesOneSaePerSeedAndSaysSo() {
        JsonNode saes = SmallWorkspace.result("train").json().path("saes");
        assertThat(saes).hasSize(2);
        assertThat(saes.get(0).path("name").asString()).isEqualTo("tiny-s0");
        assertThat(saes.get(1).path("name").asString()).isEqualTo("tiny-s1");
        assertThat(SmallWorkspace.folder().resolve("saes/tiny-s1/sae_weights.safetensors"))
                .isRegularFile();
    }

    @Test
    void evalPrintsTheFiguresOfEverySaeByName() {
        JsonNode sae = SmallWorkspace.result("eval").json().path("saes").path("tiny-s0");
        assertThat(sae.path("l0").asDouble()).isBetween(1.0, 8.0);
        assertThat(sae.path("fvu").asDouble()).isBetween(0.0, 1.0);
        assertThat(sae.path("explained_variance").asDouble())
                .isCloseTo(1 - sae.path("fvu").asDouble(), within(0.05));
        assertThat(sae.path("dead_fraction").asDouble()).isBetween(0.0, 1.0);
        assertThat(sae.has("delta_ce")).isTrue();
        assertThat(sae.has("loss_recovered")).isTrue();
    }

    @Test
    void comparePrintsWhatIsSharedAndTheOrphansAddUp() {
        JsonNode json = SmallWorkspace.result("compare").json();
        assertThat(json.path("threshold").asDouble()).isEqualTo(0.5);
        assertThat(json.path("shared").asInt() + json.path("orphans_a").asInt()).isEqualTo(128);
        assertThat(json.path("shared").asInt() + json.path("orphans_b").asInt()).isEqualTo(128);
        assertThat(json.has("gap")).isTrue();
    }

    @Test
    void theSecondCaptureAndTrainingOfTheSameThingKeepWhatIsThere() {
        Cli.Result train = cli.run(
                "--json",
                "train",
                "--store",
                "small",
                "--arch",
                "topk",
                "--d-sae",
                "128",
                "--k",
                "8",
                "--seeds",
                "0..1",
                "--steps",
                "40",
                "--set",
                "batch=256",
                "--name",
                "tiny");
        assertThat(train.code()).isZero();
        assertThat(train.json().path("saes").get(0).path("kept").asBoolean()).isTrue();
        assertThat(train.json().path("tokens_per_second").asDouble()).isZero();
    }

    @Test
    void trainingStraightFromTheModelNeedsNoStoreAndIsEvaluatedOnOne() throws Exception {
        Path text = Files.createTempFile(Path.of("target"), "live-", ".jsonl");
        Files.writeString(text, SmallWorkspace.documents(60));
        String[] train = {
            "--json",
            "train",
            "--store",
            "none",
            "--text",
            text.toString(),
            "--hook",
            SmallWorkspace.HOOK,
            "--context",
            "64",
            "--arch",
            "topk",
            "--d-sae",
            "64",
            "--k",
            "4",
            "--steps",
            "10",
            "--set",
            "batch=128",
            "--name",
            "live"
        };
        Cli own = new Cli(Files.createTempDirectory(Path.of("target"), "live-"));
        Cli.Result first = own.run(train);
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(own.run(train).json().path("saes").get(0).path("kept").asBoolean())
                .isTrue();
        Cli.Result eval = own.run("eval", "live");
        assertThat(eval.code()).isEqualTo(1);
        assertThat(eval.err()).contains("without a store", "--store");
        String[] capture = {
            "capture",
            "--text",
            text.toString(),
            "--hook",
            SmallWorkspace.HOOK,
            "--tokens",
            "2000",
            "--held-out",
            "0.3",
            "--name",
            "rows"
        };
        assertThat(own.run(capture).code()).isZero();
        Cli.Result onStore = own.run("--json", "eval", "live", "--store", "rows");
        assertThat(onStore.json().path("saes").path("live").path("l0").asDouble())
                .isBetween(1.0, 4.0);
        assertThat(onStore.json()
                        .path("saes")
                        .path("live")
                        .path("control_missing")
                        .asString())
                .contains("without a store");
        assertThat(own.run("index", "live", "--store", "rows").code()).isZero();
        aCardMakesItsControlWhereThatIsCheapAndSeedsShareIt(own);
    }

    private static void aCardMakesItsControlWhereThatIsCheapAndSeedsShareIt(Cli own) {
        String[] train = {
            "train",
            "--store",
            "rows",
            "--arch",
            "topk",
            "--d-sae",
            "64",
            "--k",
            "4",
            "--seeds",
            "0,1",
            "--steps",
            "10",
            "--set",
            "batch=128",
            "--name",
            "two"
        };
        assertThat(own.run(train).code()).isZero();
        JsonNode without = own.run("--json", "eval", "two-s0", "--no-random-control")
                .json()
                .path("saes");
        assertThat(without.size()).isEqualTo(1);
        JsonNode cards = own.run("--json", "eval", "two-s0", "two-s1").json().path("saes");
        assertThat(cards.size()).isEqualTo(3);
        assertThat(cards.path("two-s0").path("control").asString()).isEqualTo("two-s0.random");
        assertThat(cards.path("two-s1").path("control").asString()).isEqualTo("two-s0.random");
        assertThat(cards.path("two-s0.random").path("delta_ce").isNumber()).isTrue();
        Cli.Result again = own.run("eval", "two-s1");
        assertThat(again.out()).contains("two-s0.random");
    }

    @Test
    void aBuiltModelIsListedWithItsSizesAndHookPoints() {
        JsonNode models = cli.run("--json", "model", "list").json().path("models");
        assertThat(models.get(0).path("id").asString()).isEqualTo("builtin");
        assertThat(models.get(0).path("config").path("d_model").asInt()).isEqualTo(192);
        JsonNode hooks = cli.run("model", "hooks", "builtin", "--json").json().path("hooks");
        assertThat(hooks.findValuesAsString("name"))
                .contains("hook_embed", "blocks.0.attn.hook_z", "blocks.5.hook_resid_post");
        assertThat(cli.run("model", "hooks", "builtin").out()).contains("blocks.5.hook_out");
    }

    @Test
    void aModelIsComparedWithItsReferenceValues() {
        Cli.Result check = cli.run("model", "check", "builtin", "--json");
        assertThat(check.code()).isZero();
        assertThat(check.json().path("passed").asBoolean()).isTrue();
        assertThat(check.json().path("rows").findValuesAsString("kind")).contains("logits", "loss", "attn.hook_z");
        Cli.Result strict = cli.run("model", "check", "builtin", "--tolerance", "1e-12");
        assertThat(strict.code()).isEqualTo(1);
        assertThat(strict.out()).contains("largest error", "hook_resid_post");
    }

    @Test
    void aStoreIsListedDescribedShownAndVerified() {
        assertThat(cli.run("store", "list").out()).contains("small", SmallWorkspace.HOOK);
        JsonNode info = cli.run("store", "info", "small", "--json").json();
        assertThat(info.path("train_tokens").asLong()
                        + info.path("held_out_tokens").asLong())
                .isEqualTo(info.path("tokens").asLong());
        JsonNode head =
                cli.run("store", "head", "small", "-n", "30", "--json").json().path("rows");
        assertThat(head).hasSize(30);
        String text = String.join("", head.findValuesAsString("token"));
        assertThat(text).containsAnyOf("rapport", "Bericht", "vote", "Vorschlag", "thank");
        Cli.Result verify = cli.run("store", "verify", "small", "--json");
        assertThat(verify.code()).isZero();
        assertThat(verify.json().path("problems")).isEmpty();
    }

    @Test
    void patchPrintsTheDifferencesAndAGridPerSite() {
        JsonNode json = cli.run(
                        "--json",
                        "patch",
                        "--clean",
                        "I would like to thank the rapporteur. I",
                        "--corrupt",
                        "We would like to thank the rapporteur. We",
                        "--answer",
                        " am",
                        "--wrong",
                        " are",
                        "--method",
                        "atp",
                        "--sites",
                        "resid_post,mlp_out")
                .json();
        assertThat(json.path("clean_difference").asDouble())
                .isGreaterThan(json.path("corrupt_difference").asDouble());
        JsonNode grid = json.path("grids").path("resid_post");
        assertThat(grid).hasSize(6);
        assertThat(grid.get(0)).hasSize(json.path("clean_tokens").size());
    }

    @Test
    void patchTakesTasksFilesAndEstimates() throws Exception {
        JsonNode tasks = cli.run("--json", "patch", "--tasks").json().path("tasks");
        assertThat(tasks.findValuesAsString("name")).contains("person", "ioi", "closing");
        JsonNode task = cli.run(
                        "--json",
                        "patch",
                        "--task",
                        "person",
                        "--task-pairs",
                        "5",
                        "--verify",
                        "4",
                        "--sites",
                        "resid_pre")
                .json();
        assertThat(task.path("pairs")).hasSize(5);
        assertThat(task.path("agreement").path("resid_pre").path("cells").asInt())
                .isEqualTo(8);
        java.nio.file.Path file = java.nio.file.Files.createTempFile("pairs", ".csv");
        java.nio.file.Files.writeString(file, """
                clean,corrupt,answer,wrong
                "With the vote, I","With the vote, we", am, are
                "With the work, I","With the work, we", am, are
                """);
        JsonNode plan = cli.run("--json", "patch", "--pairs-file", file.toString(), "--method", "ap", "--estimate")
                .json();
        assertThat(plan.path("pairs").asInt()).isEqualTo(2);
        assertThat(plan.path("exact_runs").asInt()).isPositive();
        assertThat(cli.run("patch").code()).isEqualTo(2);
    }

    @Test
    void steerPrintsBothTextsAndTheirDistance() {
        JsonNode json = cli.run(
                        "--json",
                        "steer",
                        "--greedy",
                        "--max-tokens",
                        "8",
                        "--edit",
                        "tiny-s0:3:add:4:absolute",
                        "I would like to thank")
                .json();
        assertThat(json.path("default").asString()).isNotBlank();
        assertThat(json.path("steered").asString()).isNotNull();
        assertThat(json.path("kl").asDouble()).isPositive();
    }

    @Test
    void doctorSaysWhereEverySettingComesFrom() {
        Cli.Result r = new Cli(SmallWorkspace.folder(), java.util.Map.of("LOUPE_PORT", "7171"))
                .run("--json", "doctor", "--threads", "1");
        assertThat(r.code()).isZero();
        JsonNode settings = r.json().path("settings");
        assertThat(settings.toString())
                .contains("\"name\":\"port\",\"value\":\"7171\",\"origin\":\"ENVIRONMENT\"")
                .contains("\"name\":\"threads\",\"value\":\"1\",\"origin\":\"FLAG\"");
        assertThat(r.json().path("problems")).isEmpty();
    }

    @Test
    void resultsAreAllThatStdoutCarriesAndQuietSilencesTheRest() {
        Cli.Result r = cli.run("-q", "index", "tiny-s0");
        assertThat(r.code()).isZero();
        assertThat(r.out().strip().lines()).hasSize(2);
        assertThat(r.err()).isEmpty();
    }

    @Test
    void everyLongCommandLeavesAJobThatOthersCanSee() throws Exception {
        try (var jobs = Files.list(SmallWorkspace.folder().resolve("jobs"))) {
            List<String> names = jobs.map(p -> p.getFileName().toString()).toList();
            for (String kind : List.of("capture", "train", "eval", "index", "compare")) {
                assertThat(names).anyMatch(n -> n.contains("-" + kind + "-"));
            }
        }
    }

    @Test
    void theLogKeepsNoTextOfPrompts() throws Exception {
        String secret = "Xylophonquartett";
        assertThat(cli.run("steer", "--greedy", "--max-tokens", "2", "Dear " + secret)
                        .code())
                .isZero();
        try (var logs = Files.list(SmallWorkspace.folder().resolve("logs"))) {
            for (var log : logs.toList()) {
                assertThat(Files.readString(log)).doesNotContain(secret);
            }
        }
    }
}
