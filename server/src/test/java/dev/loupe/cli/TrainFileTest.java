package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code train --config}: a flag wins over the file, and what nothing would come of is refused. */
class TrainFileTest {
    @TempDir
    static Path dir;

    private static Cli cli;

    @BeforeAll
    static void copy() throws IOException {
        cli = SmallWorkspace.linked(dir.resolve("w"), "activations", "saes/tiny-s0");
    }

    private static Cli.Result train(String yaml, String... flags) throws IOException {
        Path file = Files.writeString(Files.createTempFile(dir, "train", ".yaml"), yaml);
        List<String> args = new ArrayList<>(List.of("--json", "train", "--config", file.toString()));
        args.addAll(List.of(flags));
        return cli.run(args.toArray(String[]::new));
    }

    private static JsonNode settings(String sae) {
        return Json.MAPPER
                .readTree(dir.resolve("w/saes/" + sae + "/loupe.json").toFile())
                .path("settings");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "topk | k: 8, steps: 3          | --k 4                 | k=4 steps=3",
                "topk | k: 8, steps: 3          | --steps 2             | k=8 steps=2",
                "topk | k: 8, steps: 3          | --tokens 128          | k=8 steps=2",
                "topk | k: 8, tokens: 192       | --steps 2             | k=8 steps=2",
                "topk | k: 8, tokens: 192       | --set steps=2         | k=8 steps=2",
                "topk | k: 8, tokens: 192       | --set k=5             | k=5 steps=3",
                "relu | l1: 5, steps: 2         | --l1 7                | l1=7.0 l0_target=0.0",
                "relu | l0_target: 9, steps: 2  | --l1 7                | l1=7.0 l0_target=0.0",
                "relu | l1: 5, steps: 2         | --l0-target 6         | l1=5.0 l0_target=6.0",
                "relu | l1: 5, steps: 2         | --seeds 0             | l1=5.0 l0_target=0.0",
                "jumprelu | l0_coefficient: 2, steps: 2 | --seeds 0     | l0_coefficient=2.0 l0_target=0.0",
                "topk | steps: 2, shuffle: block, d_sae: 128 | --init-from tiny-s0 | init_from=tiny-s0 d_sae=128",
            })
    void aFlagWinsOverTheFile(String arch, String file, String flags, String wanted) throws IOException {
        String name = "n" + Integer.toHexString((arch + file + flags).hashCode());
        String width = file.contains("d_sae") ? "" : ", d_sae: 64";
        Cli.Result r = train(
                "{store: small, name: " + name + ", arch: " + arch + ", batch: 64" + width + ", " + file + "}",
                flags.split(" "));
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode settings = settings(name);
        for (String one : wanted.split(" ")) {
            String[] pair = one.split("=");
            assertThat(settings.path(pair[0]).asString()).as(pair[0]).isEqualTo(pair[1]);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "seed: 3                        |               | did you mean seeds?",
                "k: 8, learnin_rate: 1          |               | did you mean learning_rate?",
                "d_sae: 16k                     |               | d_sae is \"16k\"",
                "d_sae: 16384.5                 |               | d_sae is \"16384.5\"",
                "steps: 3, tokens: 100          |               | steps or tokens, not both",
                "arch: relu, aux: 0.1           |               | aux is a setting of",
                "arch: relu, k: 4               |               | k is a setting of topk, batchtopk and matryoshka, not of relu",
                "jumprelu: {kernel: triangle}   |               | jumprelu.kernel is a setting of jumprelu, not of topk",
                "k: 8                           | --set k=4 --k 5 | k is given twice, as 5 and as 4",
                "text: x.txt                    |               | --text",
                "init_from: tiny-s00            |               | did you mean tiny-s0?",
                "steps: 3                       | --init-from tiny-s7 | There is no SAE",
            })
    void whatNothingWouldComeOfIsRefusedBeforeAnyWork(String file, String flags, String sentence) throws IOException {
        StringBuilder yaml = new StringBuilder("store: small, name: refused");
        yaml.append(file.contains("arch:") ? "" : ", arch: topk").append(file.contains("d_sae:") ? "" : ", d_sae: 64");
        Cli.Result r = train("{" + yaml + ", " + file + "}", flags == null ? new String[0] : flags.split(" "));
        assertThat(r.code()).isNotZero();
        assertThat(r.err()).contains(sentence);
        assertThat(dir.resolve("w/jobs"))
                .satisfiesAnyOf(
                        p -> assertThat(p).doesNotExist(),
                        p -> assertThat(p.toFile().list((d, n) -> n.contains("refused")))
                                .isEmpty());
    }

    @Test
    void aFileHoldsAWholeRunStraightFromAModel() throws IOException {
        Path text = Files.writeString(dir.resolve("text.jsonl"), SmallWorkspace.documents(60));
        Cli.Result r = train("""
                store: none
                model: builtin
                text: %s
                context: 32
                prepend_bos: true
                held_out: 0.1
                hook: blocks.2.hook_resid_post
                name: live
                arch: topk
                d_sae: 64
                k: 4
                steps: 2
                batch: 64
                """.formatted(text));
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(Files.readString(dir.resolve("w/saes/live/loupe.json"))).contains("\"context\" : 32");
    }

    @Test
    void everySettingOfEveryRecipeIsListed() {
        JsonNode presets = cli.run("--json", "train", "--presets").json().path("presets");
        for (JsonNode p : presets) {
            for (JsonNode arch : p.path("architectures")) {
                JsonNode settings = p.path("settings").path(arch.asString());
                assertThat(settings.path("recipe").asString())
                        .isEqualTo(p.path("preset").asString());
                assertThat(settings.path("learning_rate").isNumber()).isTrue();
            }
        }
        assertThat(presets.get(0)
                        .path("settings")
                        .path("jumprelu")
                        .path("threshold")
                        .asDouble())
                .isEqualTo(0.2);
    }
}
