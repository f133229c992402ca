package dev.loupe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The numbers of published recipes, each as its source has it. */
class PresetTest {
    /** Latents of the recipes: at 16,384 the rules for the learning rate give their base. */
    private static final int WIDTH = 16_384;

    @ParameterizedTest
    @CsvSource({
        // arXiv 2406.04093 and openai/sparse_autoencoder
        "openai-topk, topk, k, 32",
        "openai-topk, topk, aux, 0.03125",
        "openai-topk, topk, aux_k, 256",
        "openai-topk, topk, average, 0.0",
        "openai-topk, topk, learning_rate, 1.0E-4",
        "openai-topk, topk, epsilon, 6.25E-10",
        "openai-topk, topk, batch, 131072",
        "openai-topk, topk, dead_window, 10000000 tokens",
        "openai-topk, topk, decoder_bias, geometric_median",
        // the trainers of dictionary_learning
        "dictionary-learning, topk, learning_rate, 2.0E-4",
        "dictionary-learning, topk, learning_rate_warmup, 1000 steps",
        "dictionary-learning, topk, learning_rate_decay, 0.0",
        "dictionary-learning, topk, aux, 0.03125",
        "dictionary-learning, batchtopk, threshold_decay, 0.999",
        "dictionary-learning, batchtopk, clip, 1.0",
        "dictionary-learning, relu, learning_rate, 0.001",
        "dictionary-learning, relu, l1, 0.1",
        "dictionary-learning, relu, sparsity_warmup, 2000 steps",
        "dictionary-learning, relu, clip, 0.0",
        "dictionary-learning, gated, learning_rate, 5.0E-5",
        "dictionary-learning, gated, beta1, 0.0",
        "dictionary-learning, jumprelu, learning_rate, 7.0E-5",
        "dictionary-learning, jumprelu, beta1, 0.0",
        "dictionary-learning, jumprelu, l0_target, 20.0",
        "dictionary-learning, jumprelu, bandwidth, 0.001",
        "dictionary-learning, panneal, panneal.start, 10000 steps",
        // EleutherAI's sparsify with Adam
        "sparsify, topk, k, 32",
        "sparsify, topk, aux, 0.0",
        "sparsify, topk, learning_rate, 2.0E-4",
        "sparsify, topk, input_scale, none",
        "sparsify, topk, decoder_bias, mean",
        // SAELens 6
        "saelens, topk, k, 100",
        "saelens, topk, aux, 1.0",
        "saelens, topk, learning_rate, 3.0E-4",
        "saelens, topk, decoder_norm, 0.1",
        "saelens, topk, decoder, free",
        "saelens, topk, dead_window, 1000 steps",
        "saelens, batchtopk, threshold_decay, 0.99",
        "saelens, matryoshka, matryoshka.weights, sum",
        "saelens, jumprelu, threshold, 0.01",
        "saelens, jumprelu, bandwidth, 0.05",
        "saelens, jumprelu, l0_coefficient, 1.0",
        // Anthropic
        "anthropic-2023, relu, decoder, unit",
        "anthropic-2023, relu, recycle.policy, resample",
        "anthropic-2023, relu, recycle.every, 25000 steps",
        "anthropic-2023, relu, dead_window, 12500 steps",
        "anthropic-2024, relu, l1, 5.0",
        "anthropic-2024, relu, learning_rate, 5.0E-5",
        "anthropic-2024, relu, sparsity_warmup, 0.05",
        "anthropic-2024, relu, learning_rate_decay, 0.2",
        "anthropic-2024, relu, decoder, free",
        "anthropic-2025, jumprelu, jumprelu.penalty, tanh",
        "anthropic-2025, jumprelu, jumprelu.tanh_scale, 4.0",
        "anthropic-2025, jumprelu, bandwidth, 2.0",
        "anthropic-2025, jumprelu, threshold, 0.1",
        "anthropic-2025, jumprelu, jumprelu.pre_activation, 3.0E-6",
        "anthropic-2025, jumprelu, l0_coefficient, 10.0",
        "anthropic-2025, jumprelu, sparsity_warmup, 1.0",
        "anthropic-2025, jumprelu, learning_rate, 2.0E-4",
        "anthropic-2025, jumprelu, learning_rate_decay, 0.2",
        "anthropic-2025, jumprelu, batch, 32768",
        "anthropic-2025, jumprelu, decoder_norm, 0.577",
        // arXiv 2408.05147 and 2407.14435
        "gemma-scope, jumprelu, learning_rate, 7.0E-5",
        "gemma-scope, jumprelu, beta1, 0.0",
        "gemma-scope, jumprelu, learning_rate_shape, cosine",
        "gemma-scope, jumprelu, learning_rate_start, 0.1",
        "gemma-scope, jumprelu, learning_rate_warmup, 1000 steps",
        "gemma-scope, jumprelu, sparsity_warmup, 10000 steps",
        "gemma-scope, jumprelu, threshold, 0.001",
        "gemma-scope, jumprelu, bandwidth, 0.001",
        "gemma-scope, jumprelu, batch, 4096",
    })
    void aRecipeHasTheNumbersOfItsSource(
            String preset, String method, String setting, String value) { // long: a table of published numbers
        Object at = TrainPreset.of(preset).config(Method.of(method), WIDTH).settings();
        for (String part : setting.split("\\.")) {
            at = Objects.requireNonNull(((Map<?, ?>) at).get(part));
        }
        assertThat(at).hasToString(value);
    }

    @Test
    void whatIsLongerThanTheRunIsNamed() {
        TrainConfig annealed = TrainPreset.DICTIONARY_LEARNING.config(Method.PANNEAL, 64);
        assertThat(LongSpans.note(annealed)).isEmpty();
        assertThat(LongSpans.note(annealed.with("steps", 5_000)).orElseThrow())
                .contains("panneal.start (10000 steps)")
                .doesNotContain("warmup");
        TrainConfig scope = TrainPreset.GEMMA_SCOPE.config(Method.JUMPRELU, 64).with("steps", 2_000);
        assertThat(LongSpans.note(scope).orElseThrow())
                .contains("sparsity_warmup (10000 steps)")
                .doesNotContain("learning_rate_warmup");
        for (Method m : Method.values()) {
            assertThat(LongSpans.note(TrainPreset.DEMO.config(m, 64))).isEmpty();
        }
    }

    @Test
    void trialsAreSharedByRunsThatDifferInLengthsAndRatesOnly() {
        TrainConfig c = Runs.config(Method.TOPK);
        String kind = SweepPlan.kind(c);
        assertThat(SweepPlan.kind(c.with(Map.of("steps", 7, "learning_rate", 1e-5, "data_seed", 9))))
                .isEqualTo(kind);
        for (Map<String, Object> other : java.util.List.<Map<String, Object>>of(
                Map.of("precision", "bf16"),
                Map.of("aux", 0),
                Map.of("aux_k", 3),
                Map.of("clip", 1),
                Map.of("skip", true),
                Map.of("average", 0.9),
                Map.of("topk.selection", "statistical"))) {
            assertThat(SweepPlan.kind(c.with(other))).as("%s", other).isNotEqualTo(kind);
        }
        TrainConfig nested = Runs.config(Method.MATRYOSHKA);
        assertThat(SweepPlan.kind(nested.with("matryoshka.prefixes", java.util.List.of(0.5, 1.0))))
                .isNotEqualTo(SweepPlan.kind(nested));
    }

    @Test
    void memoryFollowsTheDeadLatentsThatAreRevivedForAToken() {
        TrainConfig c = TrainPreset.DEMO.config(Method.TOPK, 16_384);
        assertThat(MemoryNeed.heapBytes(c.with("aux_k", 2_000), 512)).isGreaterThan(MemoryNeed.heapBytes(c, 512));
        assertThat(MemoryNeed.heapBytes(c.with("aux_k", 256), 512)).isEqualTo(MemoryNeed.heapBytes(c, 512));
        assertThat(MemoryNeed.heapBytes(c.with("aux_k", 10), 512)).isLessThan(MemoryNeed.heapBytes(c, 512));
    }
}
