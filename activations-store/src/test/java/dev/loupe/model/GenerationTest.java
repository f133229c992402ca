package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerationTest {
    @TempDir
    static Path folder;

    static LanguageModel model;

    @BeforeAll
    static void open() {
        model = LanguageModels.open(Golden.builtin(folder), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static int[] prompt(String text) {
        return model.tokenizer().encode(text);
    }

    @Test
    void a_greedy_answer_with_cache_is_the_answer_of_whole_passes_without_one() {
        int[] prompt = prompt("Mr President, I would like to thank");
        Generation g = model.generate(prompt, Sampling.greedy(20).withLogProbs(), Taps.none(), TokenListener.silent());
        assertGreedyWithoutCache(model, prompt, g);
        assertThat(g.tokens()).hasSize(20);
        assertThat(g.finishReason()).isEqualTo("length");
        assertThat(g.text()).isEqualTo(model.tokenizer().decode(g.tokens(), true));
    }

    @Test
    void a_sliding_window_slides_in_the_cache_too(@TempDir Path tiny) {
        try (LanguageModel windowed = LanguageModels.open(Golden.tiny("tiny-window", tiny), ModelOptions.defaults())) {
            int[] prompt = {7, 31, 5, 12, 28, 3}; // longer than the window of 4
            Generation g =
                    windowed.generate(prompt, Sampling.greedy(16).withLogProbs(), Taps.none(), TokenListener.silent());
            assertThat(g.tokens().length).isGreaterThan(4);
            assertGreedyWithoutCache(windowed, prompt, g);
        }
    }

    private static void assertGreedyWithoutCache(LanguageModel model, int[] prompt, Generation g) {
        int[] ids = prompt;
        for (int i = 0; i < g.tokens().length; i++) {
            float[] logits = model.forward(TokenBatch.of(ids), Taps.none(), Want.LAST_LOGITS)
                    .lastLogits(0);
            int best = IntStream.range(0, logits.length)
                    .reduce((a, b) -> logits[b] > logits[a] ? b : a)
                    .orElseThrow();
            assertThat(g.tokens()[i]).as("token " + i).isEqualTo(best);
            assertThat(g.logProbs()[i]).isCloseTo(Sampler.logProb(logits, best), offset(1e-4f));
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = best;
        }
    }

    private static org.assertj.core.data.Offset<Float> offset(float x) {
        return org.assertj.core.data.Offset.offset(x);
    }

    @Test
    void residual_streams_with_cache_are_those_of_a_whole_pass() {
        int[] prompt = prompt("Die Kommission hat heute");
        HookPoint hook = HookPoint.residPost(4);
        List<float[]> seen = new ArrayList<>();
        List<Integer> starts = new ArrayList<>();
        Generation g = model.generate(
                prompt,
                Sampling.greedy(8),
                Taps.edit(hook, a -> {
                    starts.add(a.startPosition());
                    assertThat(a.length(0)).isEqualTo(a.positions());
                    for (int p = 0; p < a.positions(); p++) {
                        seen.add(a.row(0, p));
                    }
                }),
                TokenListener.silent());
        int[] all = IntStream.concat(Arrays.stream(prompt), Arrays.stream(g.tokens()))
                .toArray();
        Activation whole =
                model.forward(TokenBatch.of(all), Taps.read(hook), Want.NOTHING).activation(hook);
        assertThat(starts).startsWith(0, prompt.length, prompt.length + 1).hasSize(8);
        assertThat(seen).hasSize(all.length - 1);
        for (int p = 0; p < seen.size(); p++) {
            assertThat(Golden.error(seen.get(p), whole.row(0, p)))
                    .as("position " + p)
                    .isLessThan(1e-5);
        }
    }

    @Test
    void editors_run_on_the_prompt_and_on_every_new_token_with_its_position() {
        int[] prompt = prompt("We have");
        HookPoint hook = HookPoint.residPost(2);
        float[] push = new float[model.config().dModel()];
        for (int i = 0; i < push.length; i += 7) {
            push[i] = 4;
        }
        Editor add = a -> {
            for (int p = 0; p < a.positions(); p++) {
                float[] row = a.row(0, p);
                for (int i = 0; i < row.length; i++) {
                    row[i] += push[i] * (1 + (a.startPosition() + p) % 3);
                }
                a.setRow(0, p, row);
            }
        };
        Taps taps = Taps.edit(hook, add);
        Generation g = model.generate(prompt, Sampling.greedy(10), taps, TokenListener.silent());
        int[] all = IntStream.concat(Arrays.stream(prompt), Arrays.stream(g.tokens()))
                .toArray();
        Activation logits =
                model.forward(TokenBatch.of(all), taps, Want.ALL_LOGITS).allLogits();
        for (int i = 0; i < g.tokens().length; i++) {
            float[] row = logits.row(0, prompt.length + i - 1);
            int best = IntStream.range(0, row.length)
                    .reduce((a, b) -> row[b] > row[a] ? b : a)
                    .orElseThrow();
            assertThat(best).isEqualTo(g.tokens()[i]);
        }
        int[] plain = model.generate(prompt, Sampling.greedy(10), Taps.none(), TokenListener.silent())
                .tokens();
        assertThat(plain).isNotEqualTo(g.tokens());
    }

    @Test
    void the_same_seed_gives_the_same_text_and_another_seed_another() {
        int[] prompt = prompt("In the morning");
        Generation a = model.generate(prompt, Sampling.random(30, 1, 0.95, 7), Taps.none(), TokenListener.silent());
        Generation b = model.generate(prompt, Sampling.random(30, 1, 0.95, 7), Taps.none(), TokenListener.silent());
        Generation c = model.generate(prompt, Sampling.random(30, 1, 0.95, 8), Taps.none(), TokenListener.silent());
        assertThat(b.tokens()).isEqualTo(a.tokens());
        assertThat(c.tokens()).isNotEqualTo(a.tokens());
        assertThat(b.text()).isEqualTo(a.text());
    }

    @Test
    void streamed_text_of_many_bytes_per_character_joins_to_the_whole() {
        for (String start : List.of("Κύριε Πρόεδρε", "Господин председател", "Hyvä puhemies", "Vážený pane")) {
            StringBuilder heard = new StringBuilder();
            List<Integer> ids = new ArrayList<>();
            Generation g =
                    model.generate(prompt(start), Sampling.random(40, 0.8, 1, 3), Taps.none(), (id, text, logProb) -> {
                        heard.append(text);
                        ids.add(id);
                        assertThat(text).doesNotEndWith("\uFFFD");
                        return true;
                    });
            assertThat(heard.toString()).isEqualTo(g.text());
            assertThat(g.text()).isEqualTo(model.tokenizer().decode(g.tokens(), true));
            assertThat(ids.size()).isGreaterThanOrEqualTo(g.tokens().length);
        }
    }

    @Test
    void a_stop_string_ends_the_text_before_it_and_is_never_streamed() {
        int[] prompt = prompt("Mr President, I would like to thank");
        String plain = model.generate(prompt, Sampling.greedy(20), Taps.none(), TokenListener.silent())
                .text();
        String stop = plain.substring(9, 13); // in the middle of a token or across two
        StringBuilder heard = new StringBuilder();
        Generation g = model.generate(
                prompt, Sampling.greedy(20).withStop(List.of("never there", stop)), Taps.none(), (id, text, p) -> {
                    heard.append(text);
                    return true;
                });
        assertThat(g.finishReason()).isEqualTo("stop");
        assertThat(g.text()).isEqualTo(plain.substring(0, plain.indexOf(stop)));
        assertThat(heard.toString()).isEqualTo(g.text());
    }

    @Test
    void a_listener_can_end_the_text() {
        Generation g = model.generate(prompt("The"), Sampling.greedy(50), Taps.none(), (id, text, p) -> false);
        assertThat(g.finishReason()).isEqualTo("cancelled");
        assertThat(g.tokens()).hasSize(1);
    }

    @Test
    void the_context_ends_the_text() {
        int[] full = new int[model.config().nCtx()];
        Arrays.fill(full, 300);
        Generation none = model.generate(full, Sampling.greedy(5), Taps.none(), TokenListener.silent());
        assertThat(none.finishReason()).isEqualTo("length");
        assertThat(none.tokens()).isEmpty();
        int[] almost = Arrays.copyOf(full, full.length - 2);
        assertThat(model.generate(almost, Sampling.random(5, 1, 1, 1), Taps.none(), TokenListener.silent())
                        .tokens())
                .hasSizeLessThanOrEqualTo(2);
    }

    @Test
    void wrong_use_is_told_in_one_sentence() {
        assertThatThrownBy(() -> model.generate(new int[0], Sampling.greedy(1), Taps.none(), TokenListener.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no tokens");
        assertThatThrownBy(() -> model.generate(
                        prompt("a"), Sampling.greedy(1), Taps.read(HookPoint.residPost(0)), TokenListener.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks.0.hook_resid_post");
        Editor infinite = a -> a.set(0, a.positions() - 1, 0, Float.POSITIVE_INFINITY);
        assertThatThrownBy(() -> model.generate(
                        prompt("a"),
                        Sampling.greedy(1),
                        Taps.edit(HookPoint.residPost(5), infinite),
                        TokenListener.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("too strong");
    }
}
