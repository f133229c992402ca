package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LanguageModelTest {
    @TempDir
    static Path folder;

    static Path builtin;
    static LanguageModel model;
    static LanguageModel tiny;

    @BeforeAll
    static void open() {
        builtin = Golden.builtin(folder);
        model = LanguageModels.open(builtin, ModelOptions.defaults());
        tiny = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
        tiny.close();
    }

    @Test
    void the_embedded_model_is_what_its_card_says() {
        ModelConfig c = model.config();
        assertThat(model.id()).isEqualTo("builtin");
        assertThat(List.of(c.nLayers(), c.dModel(), c.nHeads(), c.nKeyValueHeads(), c.dHead(), c.dMlp(), c.dVocab()))
                .containsExactly(6, 192, 6, 3, 32, 512, 8192);
        assertThat(c.parameters()).isEqualTo(4_008_384);
        assertThat(model.heldOutHashes()).hasSize(1546).allMatch(h -> h.matches("[0-9a-f]{16}"));
        assertThat(model.weightsChecksum()).isEqualTo(BuiltinModel.checksums().get("model.safetensors"));
        assertThat(model.hooks()).hasSize(1 + 6 * 22 + 2);
        assertThat(LanguageModels.hooks(builtin)).isEqualTo(model.hooks());
        assertThat(LanguageModels.describe(builtin)).isEqualTo(c);
    }

    @Test
    void the_embedded_model_is_unpacked_whole_and_again_if_damaged(@TempDir Path cache) throws IOException {
        Path first = LanguageModels.builtin(cache);
        assertThat(first).isEqualTo(cache.resolve("builtin"));
        byte[] weights = Files.readAllBytes(first.resolve("model.safetensors"));
        Files.write(first.resolve("model.safetensors"), new byte[100]);
        Files.delete(first.resolve("held-out.txt"));
        assertThat(LanguageModels.builtin(cache)).isEqualTo(first);
        assertThat(Files.readAllBytes(first.resolve("model.safetensors"))).isEqualTo(weights);
        try (var names = Files.list(cache)) {
            assertThat(names.map(p -> p.getFileName().toString())).containsExactly("builtin");
        }
    }

    @Test
    void every_hook_point_has_the_width_it_announces() {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 4}, new int[] {5, 6});
        List<HookPoint> all = tiny.hooks().stream().map(HookInfo::hook).toList();
        Forward f = tiny.forward(batch, Taps.read(all), Want.NOTHING);
        for (HookInfo info : tiny.hooks()) {
            Activation a = f.activation(info.hook());
            assertThat(List.of(a.batch(), a.positions())).as(info.name()).containsExactly(2, 4);
            assertThat(a.width()).as(info.name()).isEqualTo(info.width() == HookInfo.VARIES ? 4 * 4 : info.width());
            for (int p = 2; p < 4; p++) {
                assertThat(a.row(1, p)).as(info + " at padding").containsOnly(0f);
            }
        }
    }

    @Test
    void hook_points_fit_together_as_their_names_say() {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 4, 5});
        List<HookPoint> all = tiny.hooks().stream().map(HookInfo::hook).toList();
        Forward f = tiny.forward(batch, Taps.read(all), Want.NOTHING);
        for (int p = 0; p < 5; p++) {
            for (int i = 0; i < tiny.config().dModel(); i++) {
                float pre = f.activation(HookPoint.residPre(1)).get(0, p, i);
                float mid = f.activation(HookPoint.residMid(1)).get(0, p, i);
                float scale = f.activation(HookPoint.block(1, "ln2.hook_scale")).get(0, p, 0);
                assertThat(f.activation(HookPoint.residPost(0)).get(0, p, i)).isEqualTo(pre);
                assertThat(mid)
                        .isEqualTo(pre + f.activation(HookPoint.attnOut(1)).get(0, p, i));
                assertThat(f.activation(HookPoint.block(1, "ln2.hook_normalized"))
                                .get(0, p, i))
                        .isCloseTo(mid / scale, within(1e-6f));
            }
            Activation pattern = f.activation(HookPoint.block(1, "attn.hook_pattern"));
            for (int h = 0; h < 4; h++) {
                double sum = 0;
                for (int k = 0; k < 5; k++) {
                    float weight = pattern.get(0, p, h * 5 + k);
                    assertThat(weight).isGreaterThanOrEqualTo(0);
                    if (k > p) {
                        assertThat(weight).isZero();
                    }
                    sum += weight;
                }
                assertThat(sum).isCloseTo(1, within(1e-5));
            }
        }
    }

    @Test
    void a_row_gives_the_same_numbers_alone_and_beside_a_longer_one() {
        Cases.check(5, random -> {
            int[] a = tokens(random, random.nextInt(1, 20), 40);
            int[] b = tokens(random, 25, 40);
            HookPoint hook = HookPoint.residPost(1);
            Forward alone = tiny.forward(TokenBatch.of(a), Taps.read(hook), Want.ALL_LOGITS);
            Forward beside = tiny.forward(TokenBatch.of(b, a), Taps.read(hook), Want.ALL_LOGITS);
            for (int p = 0; p < a.length; p++) {
                assertThat(Golden.error(
                                beside.activation(hook).row(1, p),
                                alone.activation(hook).row(0, p)))
                        .isLessThan(1e-5);
                assertThat(Golden.error(
                                beside.allLogits().row(1, p), alone.allLogits().row(0, p)))
                        .isLessThan(1e-5);
            }
        });
    }

    private static int[] tokens(Cases.Random random, int n, int vocab) {
        int[] ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = random.nextInt(vocab);
        }
        return ids;
    }

    @Test
    void a_large_batch_gives_what_its_rows_give_in_small_ones() {
        Cases.Random random = Cases.random();
        int[][] rows = new int[80][]; // more than three groups
        for (int b = 0; b < rows.length; b++) {
            rows[b] = tokens(random, b == 33 ? 32 : random.nextInt(1, 32), 40);
        }
        TokenBatch batch = new TokenBatch(rows);
        HookPoint hook = HookPoint.residPost(1);
        HookPoint pattern = HookPoint.block(0, "attn.hook_pattern");
        Taps taps = Taps.read(hook, pattern);
        assertThat(BatchGroups.split(batch)).hasSize(3);
        Forward loss = tiny.forward(batch, taps, Want.TOKEN_LOSS);
        Forward last = tiny.forward(batch, Taps.none(), Want.LAST_LOGITS);
        for (int b = 0; b < rows.length; b++) {
            Forward alone = tiny.forward(TokenBatch.of(rows[b]), taps, Want.TOKEN_LOSS);
            int p = rows[b].length - 1;
            assertThat(Golden.error(
                            loss.activation(hook).row(b, p),
                            alone.activation(hook).row(0, p)))
                    .isLessThan(1e-5);
            assertThat(loss.activation(pattern).get(b, p, 32))
                    .isCloseTo( // head 1, key 0
                            alone.activation(pattern).get(0, p, rows[b].length), within(1e-6f));
            assertThat(loss.tokenLoss()[b]).containsExactly(alone.tokenLoss()[0], within(1e-4f));
            float[] logits = tiny.forward(TokenBatch.of(rows[b]), Taps.none(), Want.LAST_LOGITS)
                    .lastLogits(0);
            assertThat(Golden.error(last.lastLogits(b), logits)).isLessThan(1e-5);
            assertThat(loss.activation(hook).length(b)).isEqualTo(rows[b].length);
        }
    }

    @Test
    void an_edit_is_seen_by_everything_downstream_and_by_nothing_upstream() {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3}, new int[] {4, 5});
        HookPoint edited = HookPoint.residPre(1);
        HookPoint before = HookPoint.residPost(0);
        Taps reads = Taps.read(before, edited, HookPoint.residPost(1));
        Forward plain = tiny.forward(batch, reads, Want.LAST_LOGITS);
        Editor editor = a -> a.setRow(0, 2, new float[a.width()]);
        Forward f = tiny.forward(batch, reads.merge(Taps.edit(edited, editor)), Want.LAST_LOGITS);
        assertThat(f.activation(before).row(0, 2))
                .isEqualTo(plain.activation(before).row(0, 2));
        assertThat(f.activation(edited).row(0, 2)).containsOnly(0f);
        assertThat(f.activation(HookPoint.residPost(1)).row(0, 2))
                .isNotEqualTo(plain.activation(HookPoint.residPost(1)).row(0, 2));
        assertThat(f.activation(HookPoint.residPost(1)).row(0, 1)) // causal: earlier positions do not see it
                .isEqualTo(plain.activation(HookPoint.residPost(1)).row(0, 1));
        assertThat(f.lastLogits(1)).isEqualTo(plain.lastLogits(1));
        assertThat(f.lastLogits(0)).isNotEqualTo(plain.lastLogits(0));
    }

    @Test
    void a_pass_stops_at_the_last_layer_that_is_needed() {
        List<HookPoint> reached = new ArrayList<>();
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3});
        Forward f = tiny.forward(
                batch,
                Taps.edit(HookPoint.residPost(0), a -> reached.add(a.hook())).merge(Taps.read(HookPoint.residPre(1))),
                Want.NOTHING);
        assertThat(reached).containsExactly(HookPoint.residPost(0));
        assertThat(f.activation(HookPoint.residPre(1)).width()).isEqualTo(12);
        assertThatThrownBy(() -> f.lastLogits(0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> f.activation(HookPoint.residPost(1))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(f::tokenLoss).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void losses_are_those_of_the_logits() {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 9, 30}, new int[] {4}, new int[] {7, 8});
        float[][] loss = tiny.forward(batch, Taps.none(), Want.TOKEN_LOSS).tokenLoss();
        Activation logits = tiny.forward(batch, Taps.none(), Want.ALL_LOGITS).allLogits();
        assertThat(loss[1]).isEmpty();
        double sum = 0;
        for (int b = 0; b < 3; b++) {
            for (int p = 0; p + 1 < batch.length(b); p++) {
                float expected = -Sampler.logProb(logits.row(b, p), batch.ids()[b][p + 1]);
                assertThat(loss[b][p]).isCloseTo(expected, within(2e-5f));
                sum += loss[b][p];
            }
        }
        assertThat(tiny.forward(batch, Taps.none(), Want.TOKEN_LOSS).meanLoss()).isCloseTo(sum / 5, within(1e-6));
    }

    @Test
    void the_logit_lens_of_a_direction_is_the_unembedding_applied_to_it() throws IOException {
        Matrix directions = Matrix.copyOf(Cases.random().matrix(5, 12));
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("tiny-llama/model.safetensors"))) {
            float[] unembed = file.floats("lm_head.weight");
            float[] gain = file.floats("model.norm.weight");
            for (boolean fold : new boolean[] {false, true}) {
                Matrix logits = tiny.logitLens(directions, fold);
                assertThat(logits.rows()).isEqualTo(5);
                for (int r = 0; r < 5; r++) {
                    for (int v = 0; v < 40; v++) {
                        double sum = 0;
                        for (int i = 0; i < 12; i++) {
                            sum += (double) directions.get(r, i) * (fold ? gain[i] : 1) * unembed[v * 12 + i];
                        }
                        assertThat((double) logits.get(r, v)).isCloseTo(sum, within(1e-5));
                    }
                }
            }
        }
        assertThatThrownBy(() -> tiny.logitLens(Matrix.copyOf(new float[][] {{1, 2}}), true))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("12");
    }

    @Test
    void nothing_is_left_behind_by_many_passes_of_every_kind() throws InterruptedException {
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 4}, new int[] {5, 6});
        Taps taps = Taps.edit(HookPoint.block(0, "attn.hook_pattern"), a -> a.set(0, 1, 0, 0.5f))
                .merge(Taps.read(HookPoint.residPost(1)));
        int before = ((Transformer) tiny).liveArrays();
        for (int i = 0; i < 20; i++) {
            for (Want want : Want.values()) {
                tiny.forward(batch, taps, want);
            }
            tiny.backward(batch, taps, LogitSeed.difference(1, 2), Rules.RELP, List.of(HookPoint.residPre(0)));
            tiny.generate(new int[] {1, 2}, Sampling.greedy(5), Taps.none(), TokenListener.silent());
            tiny.logitLens(Matrix.copyOf(new float[1][12]), true);
        }
        Editor failing = a -> {
            throw new IllegalStateException("an editor failed");
        };
        assertThatThrownBy(() -> tiny.forward(batch, Taps.edit(HookPoint.residMid(1), failing), Want.LAST_LOGITS))
                .hasMessage("an editor failed");
        // the thread that writes texts frees its keys and values just after it has handed over the last one
        for (int i = 0; i < 6000 && ((Transformer) tiny).liveArrays() != before; i++) {
            Thread.sleep(10);
        }
        assertThat(((Transformer) tiny).liveArrays()).isEqualTo(before);
    }

    @Test
    void passes_at_the_same_time_give_the_bits_of_passes_one_after_another() throws Exception {
        List<int[]> rows = List.of(
                model.tokenizer().encode("I would like to thank the rapporteur. I"),
                model.tokenizer().encode("Die Kommission hat heute einen Vorschlag vorgelegt."));
        HookPoint hook = HookPoint.residPre(1);
        Callable<List<float[]>> first = () -> numbers(rows.get(0), hook);
        Callable<List<float[]>> second = () -> numbers(rows.get(1), hook);
        List<List<float[]>> alone = List.of(first.call(), second.call());
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Callable<List<float[]>>> work = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                work.add(i % 2 == 0 ? first : second);
            }
            int i = 0;
            for (Future<List<float[]>> result : threads.invokeAll(work)) {
                List<float[]> got = result.get();
                List<float[]> expected = alone.get(i++ % 2);
                for (int k = 0; k < expected.size(); k++) {
                    assertThat(got.get(k)).isEqualTo(expected.get(k));
                }
            }
        }
    }

    private static List<float[]> numbers(int[] ids, HookPoint hook) {
        TokenBatch batch = TokenBatch.of(ids);
        Backward back = model.backward(batch, Taps.none(), LogitSeed.difference(300, 400), Rules.RELP, List.of(hook));
        return List.of(back.gradient(hook).row(0, 2), back.forward().lastLogits(0));
    }

    @Test
    void wrong_use_is_told_in_one_sentence() {
        TokenBatch one = TokenBatch.of(new int[] {1});
        assertThatThrownBy(() -> model.forward(one, Taps.read(HookPoint.of("blocks.6.hook_resid_post")), Want.NOTHING))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks.6.hook_resid_post")
                .hasMessageContaining("blocks.N.hook_resid_post")
                .hasMessageContaining("ln_final.hook_normalized")
                .hasMessageContaining("0 to 5");
        assertThatThrownBy(() -> model.forward(TokenBatch.of(new int[] {8192}), Taps.none(), Want.NOTHING))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("8192");
        assertThatThrownBy(() -> model.forward(TokenBatch.of(new int[513]), Taps.none(), Want.NOTHING))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("513");
        assertThatThrownBy(() -> TokenBatch.of(new int[0])).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> TokenBatch.of()).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> model.backward(
                        one,
                        Taps.none(),
                        LogitSeed.difference(0, 1),
                        Rules.NONE,
                        List.of(HookPoint.block(0, "ln1.hook_scale"))))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("hook_normalized");
    }
}
