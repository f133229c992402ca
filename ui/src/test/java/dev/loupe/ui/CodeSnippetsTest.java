package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.Variant;
import java.util.List;
import org.junit.jupiter.api.Test;

class CodeSnippetsTest {
    private static final SteerRequest REQUEST = new SteerRequest(
            "builtin",
            "It's \"so\"\n",
            Variant.of(Edit.feature("topk-s0", 12, EditOp.ADD, 0.6)),
            30,
            0.7,
            0,
            0.95,
            3,
            List.of());

    @Test
    void every_language_gets_what_the_page_does() {
        assertThat(CodeSnippets.of("terminal", "http://h:1", REQUEST, List.of()))
                .startsWith("loupe steer --model builtin --edit topk-s0:12:add:0.6")
                .endsWith("'It'\\''s \"so\"\n'");
        assertThat(CodeSnippets.of("curl", "http://h:1", REQUEST, List.of()))
                .contains("curl http://h:1/v1/completions", "\"feature\":\"topk-s0:12\"", "It'\\''s \\\"so\\\"\\n");
        assertThat(CodeSnippets.of("python", "http://h:1", REQUEST, List.of()))
                .contains(
                        "base_url=\"http://h:1/v1\"",
                        "prompt=\"It's \\\"so\\\"\\n\"",
                        "\"op\":\"add\"",
                        "\"specials\":False",
                        "seed=3");
        assertThat(CodeSnippets.of("java", "http://h:1", REQUEST, List.of()))
                .contains(
                        "LoupeClient.of(\"http://h:1\")",
                        "new Edit(\"topk-s0:12\", null, null, \"add\", 0.6, null, \"all\", null)",
                        ".tokens(30).sampled(0.7, 3)");
    }

    @Test
    void a_conversation_is_code_that_keeps_its_answers() {
        List<String> said = List.of("Who \"speaks\"?", "And then?");
        assertThat(CodeSnippets.of("python", "http://h:1", REQUEST, said))
                .contains(
                        "chat.completions.create",
                        "[\"Who \\\"speaks\\\"?\", \"And then?\"]",
                        "\"role\": \"assistant\"",
                        "\"topk-s0:12\"");
        assertThat(CodeSnippets.of("curl", "http://h:1", REQUEST, said))
                .contains("/v1/chat/completions", "Who \\\"speaks\\\"?", "\"messages\"")
                .doesNotContain("\"prompt\"");
    }

    @Test
    void the_slider_is_fine_near_nothing_and_alike_on_both_sides() {
        assertThat(SymLog.strength(0)).isZero();
        assertThat(SymLog.strength(1)).isEqualTo(16);
        assertThat(SymLog.strength(-1)).isEqualTo(-16);
        for (double s : new double[] {0.05, 0.6, 1, 2.5, 9, 16}) {
            assertThat(SymLog.strength(SymLog.place(s))).isCloseTo(s, within(1e-9));
            assertThat(SymLog.place(-s)).isCloseTo(-SymLog.place(s), within(1e-12));
        }
        assertThat(SymLog.place(99)).isCloseTo(1, within(1e-12));
        assertThat(SymLog.place(1)).isBetween(0.3, 0.5);
    }
}
