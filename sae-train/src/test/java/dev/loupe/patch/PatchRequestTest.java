package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class PatchRequestTest {
    private static final PatchRequest GOOD = PatchRequest.of("I like", "We like", " a", " b");

    @Test
    void absentFieldsOfJsonTakeTheirDefaults() {
        PatchRequest r = Json.MAPPER.readValue(
                "{\"clean\":\"a\",\"corrupt\":\"b\",\"answer\":\" x\",\"wrong\":\" y\"}", PatchRequest.class);
        r.check();
        assertThat(r.method()).isEqualTo("relp");
        assertThat(r.metric()).isEqualTo("difference");
        assertThat(r.rules()).containsExactly("ln", "identity", "half");
        assertThat(r.sites()).containsExactly("resid_pre", "attn_out", "mlp_out");
        assertThat(r.steps()).isEqualTo(16);
    }

    @Test
    void everyWrongUseIsOneSentenceNamingTheThing() {
        refused(PatchRequest.of("", "b", " x", " y"), "clean prompt is empty");
        refused(PatchRequest.of("a", "  ", " x", " y"), "corrupted prompt is empty");
        refused(GOOD.withSites("resid"), "\"resid\"");
        refused(GOOD.withSites("sae:"), "\"sae:\"");
        refused(GOOD.withSites("z", "z"), "named twice");
        refused(GOOD.withRules(List.of("lnn")), "\"lnn\"");
        refused(GOOD.withSteps(-1), "not -1");
        refused(
                new PatchRequest(null, "a", "b", " x", null, "atp", "difference", List.of(), List.of(), 1, null, 0, 0),
                "--wrong");
        refused(
                new PatchRequest(null, "a", "b", null, null, "atp", "logprob", List.of(), List.of(), 1, null, 0, 0),
                "--answer");
        refused(
                new PatchRequest(null, "a", "b", " x", " y", "magic", "kl", List.of(), List.of(), 1, null, 0, 0),
                "\"magic\"");
        refused(
                new PatchRequest(null, "a", "b", " x", " y", "ap", "accuracy", List.of(), List.of(), 1, null, 0, 0),
                "\"accuracy\"");
    }

    @Test
    void klNeedsNoAnswerTokens() {
        new PatchRequest(null, "a", "b", null, null, "atp", "kl", List.of(), List.of(), 1, null, 0, 0).check();
    }

    @Test
    void aResultIsSavedWholeAndReadBackTheSame(@TempDir Path patches) throws Exception {
        PatchResult saved = PatchFiles.save(patches, result(), "first");
        PatchResult read = PatchFiles.open(patches, "first");
        assertThat(Json.line(read)).isEqualTo(Json.line(saved));
        assertThat(PatchFiles.list(patches)).containsExactly("first");
        JsonNode json = Json.tree(patches.resolve("first/patch.json"));
        assertThat(json.get("clean_difference").asDouble()).isEqualTo(1.5);
        assertThat(json.get("corrupt_difference").asDouble()).isEqualTo(-0.5);
        assertThat(json.get("grids").get("resid_pre").get(1).get(0).asDouble()).isEqualTo(3);
        assertThatThrownBy(() -> PatchFiles.save(patches, result(), "first"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("already");
        assertThatThrownBy(() -> PatchFiles.open(patches, "second")).isInstanceOf(NotFoundException.class);
        Files.writeString(
                patches.resolve("first/patch.json"),
                Files.readString(patches.resolve("first/patch.json")).replace("\"1.0\"", "\"2.0\""));
        assertThatThrownBy(() -> PatchFiles.open(patches, "first"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("newer Loupe");
    }

    @Test
    void twoUnnamedResultsOfOneSecondGetTwoNames(@TempDir Path patches) {
        String a = PatchFiles.save(patches, result(), null).id();
        String b = PatchFiles.save(patches, result(), null).id();
        assertThat(a).isNotEqualTo(b);
        assertThat(PatchFiles.list(patches)).containsExactlyInAnyOrder(a, b);
    }

    private static PatchResult result() {
        return new PatchResult(
                "1.0",
                "",
                "2026-01-01T00:00:00Z",
                GOOD,
                "abc",
                1.5,
                -0.5,
                1.5,
                -0.5,
                "logits",
                List.of("a"),
                List.of("b"),
                new int[] {1},
                new int[] {2},
                Map.of("resid_pre", new double[][] {{1}, {3}}),
                Map.of("resid_pre", new PatchResult.Axes(new int[] {0, 1}, "position")),
                List.of(),
                List.of(),
                Map.of(),
                0.25,
                List.of(new PatchResult.Outcome(1.5, -0.5)),
                List.of("a note"));
    }

    private static void refused(PatchRequest r, String words) {
        assertThatThrownBy(r::check).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }
}
