package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.fixtures.Floats;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold in every family, on tiny random models. */
class FamiliesTest {
    @TempDir
    Path folder;

    private LanguageModel open(String name) {
        return LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-llama",
                "tiny-qwen3",
                "tiny-window",
                "tiny-gpt2",
                "tiny-neo",
                "tiny-neox",
                "tiny-neox-serial",
                "tiny-opt",
                "tiny-gemma2",
                "tiny-gemma3"
            })
    void text_goes_on_with_a_cache_as_it_does_without_one(String name) {
        try (LanguageModel model = open(name)) {
            int[] prompt = {7, 31, 5, 12, 28, 3}; // longer than the windows of 4
            Generation g =
                    model.generate(prompt, Sampling.greedy(16).withLogProbs(), Taps.none(), TokenListener.silent());
            int[] all = IntStream.concat(IntStream.of(prompt), IntStream.of(g.tokens()))
                    .toArray();
            assertThat(g.tokens().length).isPositive();
            Activation logits = model.forward(TokenBatch.of(all), Taps.none(), Want.ALL_LOGITS)
                    .allLogits();
            for (int i = 0; i < g.tokens().length; i++) {
                float[] row = logits.row(0, prompt.length + i - 1);
                assertThat(Sampler.logProb(row, g.tokens()[i]))
                        .isCloseTo(g.logProbs()[i], org.assertj.core.data.Offset.offset(1e-4f));
                for (float other : row) {
                    assertThat(row[g.tokens()[i]]).isGreaterThanOrEqualTo(other - 1e-5f);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"tiny-llama", "tiny-gpt2", "tiny-neo", "tiny-neox", "tiny-opt", "tiny-gemma2", "tiny-gemma3"})
    void editors_of_every_hook_point_that_change_nothing_change_no_number(String name) {
        try (LanguageModel model = open(name)) {
            TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 9}, new int[] {4, 5});
            float[] plain = model.forward(batch, Taps.none(), Want.LAST_LOGITS).lastLogits(0);
            List<HookPoint> seen = new ArrayList<>();
            Taps.Builder all = Taps.builder();
            for (HookInfo info : model.hooks()) {
                if (!info.hook().local().equals("attn.hook_result")) { // summing heads rounds differently
                    all.edit(info.hook(), a -> seen.add(a.hook()));
                }
            }
            Forward edited = model.forward(batch, all.build(), Want.LAST_LOGITS);
            // without editors norms and attention are fused, and sums are taken in another order
            Floats.assertClose(edited.lastLogits(0), plain, 3e-6);
            assertThat(seen)
                    .containsExactlyElementsOf(model.hooks().stream()
                            .map(HookInfo::hook)
                            .filter(h -> !h.local().equals("attn.hook_result"))
                            .toList());
            Taps heads = Taps.read(HookPoint.block(0, "attn.hook_result"), HookPoint.block(1, "attn.hook_result"));
            assertThat(Golden.error(
                            model.forward(batch, heads, Want.LAST_LOGITS).lastLogits(0), plain))
                    .isLessThan(1e-5);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-llama",
                "tiny-qwen2",
                "tiny-gpt2",
                "tiny-gpt2-untied",
                "tiny-neo",
                "tiny-neox-serial",
                "tiny-opt",
                "tiny-gemma3"
            })
    void parameters_are_as_many_as_the_checkpoint_has(String name) {
        Path model = Golden.tiny(name, folder);
        try (SafetensorsFile file = SafetensorsFile.open(model.resolve("model.safetensors"))) {
            long floats = file.tensors().values().stream()
                    .mapToLong(t -> t.shape().stream().reduce(1L, (a, b) -> a * b))
                    .sum();
            assertThat(LanguageModels.describe(model).parameters()).isEqualTo(floats);
        }
    }

    static java.util.stream.Stream<String> withTransformerLens() throws IOException {
        try (InputStream in = FamiliesTest.class.getResourceAsStream("golden/hooks.json")) {
            return Json.MAPPER.readTree(in).propertyNames().stream().toList().stream();
        }
    }

    /**
     * Names and shapes from TransformerLens (tests/python/golden_hooks.py, which also compares the golden values with its
     * activations).
     */
    @ParameterizedTest
    @MethodSource("withTransformerLens")
    void hook_points_have_the_names_and_shapes_of_transformer_lens(String name) throws IOException {
        Map<String, String> expected = new TreeMap<>();
        try (InputStream in = FamiliesTest.class.getResourceAsStream("golden/hooks.json")) {
            Json.MAPPER
                    .readTree(in)
                    .path(name)
                    .properties()
                    .forEach(e -> expected.put(e.getKey(), e.getValue().asString()));
        }
        Map<String, String> ours = new TreeMap<>();
        LanguageModels.hooks(Golden.tiny(name, folder))
                .forEach(h ->
                        ours.put(h.name(), h.shape().replace("query_pos", "pos").replace("key_pos", "pos")));
        assertThat(ours).containsAllEntriesOf(expected);
        ours.keySet().removeAll(expected.keySet());
        assertThat(ours).isEmpty();
    }

    @Test
    void a_list_of_hook_points_has_their_newer_names_in_every_family() throws IOException {
        for (String name : withTransformerLens().toList()) {
            Map<String, String> seen = new TreeMap<>();
            try (LanguageModel model = open(name)) {
                for (HookInfo info : model.hooks()) {
                    for (String alias : info.aliases()) {
                        assertThat(model.hook(alias)).isEqualTo(info);
                        assertThat(seen.put(alias, info.name())).isNull();
                    }
                }
            }
            assertThat(seen).containsEntry("blocks.1.hook_out", "blocks.1.hook_resid_post");
            assertThat(seen)
                    .containsEntry(
                            "blocks.1.mlp.in.hook_out",
                            name.matches(".*(gpt2|neo|opt).*")
                                    ? "blocks.1.mlp.hook_pre"
                                    : "blocks.1.mlp.hook_pre_linear");
        }
    }

    @Test
    void newer_names_of_hook_points_mean_the_usual_ones() {
        assertThat(HookPoint.of("blocks.1.hook_out")).isEqualTo(HookPoint.residPost(1));
        assertThat(HookPoint.of("embed.hook_out")).isEqualTo(HookPoint.of("hook_embed"));
        assertThat(HookPoint.of("blocks.12.attn.o.hook_in")).isEqualTo(HookPoint.z(12));
        try (LanguageModel gpt2 = open("tiny-gpt2");
                LanguageModel gemma = open("tiny-gemma2")) {
            assertThat(gpt2.hook("blocks.1.mlp.in.hook_out").name()).isEqualTo("blocks.1.mlp.hook_pre");
            assertThat(gemma.hook("blocks.1.mlp.in.hook_out").name()).isEqualTo("blocks.1.mlp.hook_pre_linear");
            assertThat(gpt2.hook("blocks.0.attn.hook_out").name()).isEqualTo("blocks.0.hook_attn_out");
            assertThatThrownBy(() -> gemma.hook("blocks.0.attn.hook_out"))
                    .hasMessageContaining("blocks.N.hook_attn_out");
            TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3});
            HookPoint newer = HookPoint.of("blocks.0.hook_out");
            assertThat(gpt2.forward(batch, Taps.read(newer), Want.NOTHING)
                            .activation(newer)
                            .row(0, 1))
                    .isEqualTo(gpt2.forward(batch, Taps.read(HookPoint.residPost(0)), Want.NOTHING)
                            .activation(HookPoint.residPost(0))
                            .row(0, 1));
        }
    }

    @Test
    void two_passes_at_once_give_the_bits_of_two_in_a_row() throws Exception {
        try (LanguageModel model = open("tiny-gemma3")) {
            List<TokenBatch> batches = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                int k = i;
                batches.add(TokenBatch.of(
                        IntStream.range(0, 5 + i).map(p -> (p * 7 + k) % 40).toArray()));
            }
            List<HookPoint> wrt = List.of(HookPoint.residPre(0), HookPoint.z(1));
            java.util.function.Function<TokenBatch, List<float[]>> run = batch -> {
                Forward f = model.forward(batch, Taps.none(), Want.LAST_LOGITS);
                Backward b = model.backward(batch, Taps.none(), LogitSeed.difference(3, 7), Rules.RELP, wrt);
                return List.of(
                        f.lastLogits(0),
                        b.gradient(wrt.get(0)).row(0, 2),
                        b.gradient(wrt.get(1)).row(0, 3));
            };
            List<List<float[]>> alone = batches.stream().map(run).toList();
            try (var pool = java.util.concurrent.Executors.newFixedThreadPool(4)) {
                var running = batches.stream()
                        .map(b -> pool.submit(() -> run.apply(b)))
                        .toList();
                for (int i = 0; i < batches.size(); i++) {
                    List<float[]> together = running.get(i).get();
                    for (int j = 0; j < together.size(); j++) {
                        assertThat(together.get(j)).isEqualTo(alone.get(i).get(j));
                    }
                }
            }
        }
    }
}
