package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts that are written together are those that are written alone. */
class BatchedGenerationTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-llama",
                "tiny-window",
                "tiny-gpt2",
                "tiny-opt",
                "tiny-neo",
                "tiny-neox",
                "tiny-gemma2",
                "tiny-gemma3",
                "tiny-qwen3",
                "tiny-mistral"
            })
    void prompts_of_unequal_length_are_continued_as_alone(String name, @TempDir Path folder) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            int vocab = model.config().dVocab();
            int room = model.config().nCtx();
            RandomGenerator random = new java.util.SplittableRandom(5);
            List<int[]> prompts = new ArrayList<>();
            for (int length : new int[] {1, 7, 3, 12, 5, 2}) {
                prompts.add(random.ints(Math.min(length, room - 4), 0, vocab).toArray());
            }
            Sampling sampling = Sampling.greedy(Math.min(12, room - 12)).withLogProbs();
            List<Generation> together = model.generate(prompts, sampling, Taps.none());
            for (int i = 0; i < prompts.size(); i++) {
                Generation alone = model.generate(prompts.get(i), sampling, Taps.none(), TokenListener.silent());
                assertSame(together.get(i), alone);
                assertWithoutCache(model, prompts.get(i), together.get(i));
            }
        }
    }

    private static void assertSame(Generation a, Generation b) {
        assertThat(a.tokens()).isEqualTo(b.tokens());
        assertThat(a.text()).isEqualTo(b.text());
        assertThat(a.finishReason()).isEqualTo(b.finishReason());
        assertThat(a.logProbs()).containsExactly(b.logProbs(), within(1e-4f));
    }

    private static void assertWithoutCache(LanguageModel model, int[] prompt, Generation g) {
        int[] all = IntStream.concat(Arrays.stream(prompt), Arrays.stream(g.tokens()))
                .toArray();
        Activation logits =
                model.forward(TokenBatch.of(all), Taps.none(), Want.ALL_LOGITS).allLogits();
        for (int i = 0; i < g.tokens().length; i++) {
            float[] row = logits.row(0, prompt.length - 1 + i);
            assertThat(g.logProbs()[i]).isCloseTo(Sampler.logProb(row, g.tokens()[i]), within(1e-4f));
        }
    }

    @Test
    void edits_of_one_text_reach_no_other_even_in_attention_patterns(@TempDir Path folder) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults())) {
            HookPoint pattern = HookPoint.of("blocks.1.attn.hook_pattern");
            HookPoint resid = HookPoint.residPost(0);
            Taps edited = Taps.builder()
                    .edit(resid, a -> {
                        for (int p = 0; p < a.length(0); p++) {
                            assertThat(a.batch()).isOne();
                            assertThat(a.token(0, p)).isNotNegative();
                            a.set(0, p, 3, a.get(0, p, 3) + 2 + (a.startPosition() + p) % 2);
                        }
                    })
                    .edit(pattern, a -> {
                        int keys = a.width() / model.config().nHeads();
                        assertThat(keys).isEqualTo(a.startPosition() + a.length(0));
                        for (int p = 0; p < a.length(0); p++) {
                            a.set(0, p, 0, 0.5f);
                        }
                    })
                    .build();
            int[][] prompts = {{3, 9, 4}, {5}, {1, 2, 3, 4, 5, 6}, {8, 8}};
            Sampling sampling = Sampling.greedy(10).withLogProbs();
            List<Continuation> begun = new ArrayList<>();
            for (int i = 0; i < prompts.length; i++) {
                begun.add(model.begin(prompts[i], sampling, i % 2 == 0 ? edited : Taps.none()));
            }
            for (int i = 0; i < prompts.length; i++) {
                Generation together = begun.get(i).listen(TokenListener.silent());
                Taps taps = i % 2 == 0 ? edited : Taps.none();
                assertSame(together, model.generate(prompts[i], sampling, taps, TokenListener.silent()));
            }
        }
    }

    @Test
    void an_editor_that_fails_or_makes_nan_ends_its_own_text_only(@TempDir Path folder) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults())) {
            HookPoint hook = HookPoint.residPost(0);
            Sampling sampling = Sampling.greedy(10);
            Generation alone = model.generate(new int[] {4, 2}, sampling, Taps.none(), TokenListener.silent());
            Continuation broken = model.begin(new int[] {1, 2, 3}, sampling, Taps.edit(hook, a -> {
                throw new IllegalArgumentException("on purpose");
            }));
            Continuation infinite = model.begin(new int[] {1, 2, 3, 7}, sampling, Taps.edit(hook, a -> {
                if (a.startPosition() > 0) {
                    a.set(0, 0, 0, Float.NaN);
                }
            }));
            Continuation good = model.begin(new int[] {4, 2}, sampling, Taps.none());
            assertThatThrownBy(() -> broken.listen(TokenListener.silent())).hasMessage("on purpose");
            assertThatThrownBy(() -> infinite.listen(TokenListener.silent()))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("too strong");
            assertThat(good.listen(TokenListener.silent()).tokens()).isEqualTo(alone.tokens());
            for (int i = 0; i < 3; i++) { // and the rows they leave behind are clean
                assertThat(model.generate(List.of(new int[] {4, 2}, new int[] {4, 2}), sampling, Taps.none()))
                        .allSatisfy(g -> assertThat(g.tokens()).isEqualTo(alone.tokens()));
            }
        }
    }

    @Test
    void texts_join_and_leave_at_any_time(@TempDir Path folder) throws Exception {
        try (LanguageModel model = LanguageModels.open(Golden.builtin(folder), ModelOptions.defaults())) {
            Cases.Random random = Cases.Random.of(139); // no two logits of these texts are nearly the same
            int[][] prompts = new int[12][];
            Generation[] alone = new Generation[prompts.length];
            Sampling[] samplings = new Sampling[prompts.length];
            for (int i = 0; i < prompts.length; i++) {
                int length = i == 5 ? 300 : random.nextInt(1, 40);
                prompts[i] = random.ints(length, 300, 1000);
                samplings[i] = Sampling.greedy(random.nextInt(1, 25)).withLogProbs();
                alone[i] = model.generate(prompts[i], samplings[i], Taps.none(), TokenListener.silent());
            }
            Generation[] together = new Generation[prompts.length];
            CountDownLatch start = new CountDownLatch(1);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < prompts.length; i++) {
                int n = i;
                long wait = random.nextLong(200);
                threads.add(Thread.ofPlatform().start(() -> {
                    try {
                        start.await();
                        Thread.sleep(wait);
                        int cancelAt = n % 4 == 3 ? 3 : Integer.MAX_VALUE;
                        int[] heard = {0};
                        together[n] = model.generate(
                                prompts[n], samplings[n], Taps.none(), (id, text, p) -> ++heard[0] < cancelAt);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }));
            }
            start.countDown();
            for (Thread t : threads) {
                t.join();
            }
            for (int i = 0; i < prompts.length; i++) {
                assertThat(together[i]).as("text " + i).isNotNull();
                int n = together[i].tokens().length;
                assertThat(together[i].tokens()).as("text " + i).isEqualTo(Arrays.copyOf(alone[i].tokens(), n));
                boolean cut = i % 4 == 3 && alone[i].tokens().length > 3;
                assertThat(n).isEqualTo(cut ? 3 : alone[i].tokens().length);
            }
        }
    }

    @Test
    void too_many_waiting_texts_are_refused_and_a_closed_model_answers_those_that_wait(@TempDir Path folder) {
        LanguageModel model = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults());
        CountDownLatch hold = new CountDownLatch(1);
        Taps slow = Taps.edit(HookPoint.residPost(0), a -> {
            try {
                hold.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        List<Continuation> begun = new ArrayList<>();
        begun.add(model.begin(new int[] {1}, Sampling.greedy(4), slow));
        assertThatThrownBy(() -> {
                    for (int i = 0; i <= Scheduler.MOST_WAITING + WritingBatch.MOST_ROWS; i++) {
                        begun.add(model.begin(new int[] {1}, Sampling.greedy(4), Taps.none()));
                    }
                })
                .isInstanceOf(BusyException.class)
                .hasMessageContaining("busy");
        begun.subList(2, begun.size()).forEach(Continuation::cancel);
        hold.countDown();
        assertThat(begun.get(0).listen(TokenListener.silent()).tokens()).isNotEmpty();
        assertThat(begun.get(1).listen(TokenListener.silent()).tokens()).isNotEmpty();
        assertThat(begun.getLast().listen(TokenListener.silent()).finishReason())
                .isEqualTo("cancelled");
        model.close();
        assertThatThrownBy(() -> model.begin(new int[] {1}, Sampling.greedy(1), Taps.none()))
                .isInstanceOf(IllegalStateException.class);
    }
}
