package dev.loupe.train;

import dev.loupe.base.Nearest;
import dev.loupe.base.UsageException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Named recipes: where a training run starts from before single settings are changed. Published ones hold the numbers of
 * their source; where a source trains for billions of tokens, the length is left at 30,000 steps and warm-ups at the
 * published number of steps.
 */
public enum TrainPreset {
    /** Short runs on the embedded model: 2,000 steps of 1,024 rows, everything else as a share of the run. */
    DEMO("Loupe: short runs, everything as a share of the run", EnumSet.allOf(Method.class)),
    /** SAELens 6 with its defaults and the scaling of its tutorial. */
    SAELENS(
            "SAELens 6, defaults of its training configs, E|x| = sqrt(d); here AuxK is relative to the residual",
            EnumSet.of(Method.RELU, Method.TOPK, Method.BATCHTOPK, Method.JUMPRELU, Method.GATED, Method.MATRYOSHKA)),
    /** The trainers of dictionary_learning. */
    DICTIONARY_LEARNING(
            "dictionary_learning, defaults of its trainers",
            EnumSet.of(
                    Method.RELU,
                    Method.PANNEAL,
                    Method.TOPK,
                    Method.BATCHTOPK,
                    Method.MATRYOSHKA,
                    Method.JUMPRELU,
                    Method.GATED)),
    /** Gao et al., arXiv 2406.04093, and its repository. */
    OPENAI_TOPK(
            "Gao et al., arXiv 2406.04093, and its code (k 32, AuxK 1/32 of 256); without its per-token normalisation",
            EnumSet.of(Method.TOPK)),
    /** EleutherAI's sparsify with Adam. */
    SPARSIFY("EleutherAI sparsify, Adam", EnumSet.of(Method.TOPK)),
    /** Bricken et al. 2023: L1, unit decoder, resampling. */
    ANTHROPIC_2023("Bricken et al. 2023 (L1, unit decoder, resampling)", EnumSet.of(Method.RELU)),
    /** Anthropic's circuits update of April 2024. */
    ANTHROPIC_2024("Anthropic, update of April 2024 (free decoder)", EnumSet.of(Method.RELU)),
    /** Anthropic's circuits update of January 2025. */
    ANTHROPIC_2025(
            "Anthropic, update of January 2025 (tanh penalty); here W_enc starts as W_dec^T, not d/n of it, and b_enc at"
                    + " minus the mean",
            EnumSet.of(Method.JUMPRELU)),
    /** Rajamanoharan et al., arXiv 2407.14435; Lieberum et al., arXiv 2408.05147. */
    GEMMA_SCOPE("Gemma Scope and arXiv 2407.14435", EnumSet.of(Method.JUMPRELU));

    private static final long PUBLISHED_STEPS = 30_000;

    private final String source;
    private final Set<Method> methods;

    TrainPreset(String source, Set<Method> methods) {
        this.source = source;
        this.methods = methods;
    }

    /** The preset of a name. */
    public static TrainPreset of(String name) {
        for (TrainPreset p : values()) {
            if (p.id().equalsIgnoreCase(name)) {
                return p;
            }
        }
        List<String> ids = Arrays.stream(values()).map(TrainPreset::id).toList();
        throw new UsageException("There is no training preset \"" + name + "\"; did you mean " + Nearest.to(name, ids)
                + "? There are " + String.join(", ", ids) + ".");
    }

    /** The name in commands and files. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Where its numbers come from, for people. */
    public String source() {
        return source;
    }

    /** What it can train. */
    public List<Method> methods() {
        return methods.stream().sorted().toList();
    }

    /**
     * The recipe for a method and a number of latents. The demo's aims at 24 active latents per token, published ones at
     * what their source does.
     */
    public TrainConfig config(Method method, int dSae) {
        if (!methods.contains(method)) {
            throw new UsageException("The preset " + id() + " does not train " + method.id() + " SAEs but "
                    + String.join(", ", methods().stream().map(Method::id).toList()) + ".");
        }
        TrainConfig base = demo(method, dSae);
        Map<String, Object> changes = new LinkedHashMap<>();
        switch (this) {
            case DEMO -> {
                return base;
            }
            case SAELENS -> saelens(method, dSae, changes);
            case DICTIONARY_LEARNING -> dictionaryLearning(method, dSae, changes);
            case OPENAI_TOPK -> openai(dSae, changes);
            case SPARSIFY -> sparsify(dSae, changes);
            case ANTHROPIC_2023 -> anthropic2023(changes);
            case ANTHROPIC_2024 -> anthropic2024(changes);
            case ANTHROPIC_2025 -> anthropic2025(dSae, changes);
            case GEMMA_SCOPE -> gemmaScope(changes);
        }
        return base.recipe(id(), changes);
    }

    private static void published(Map<String, Object> c, double learningRate, int batch) {
        c.put("steps", PUBLISHED_STEPS);
        c.put("batch", batch);
        c.put("learning_rate", learningRate);
        c.put("learning_rate_warmup", 0);
        c.put("learning_rate_decay", 0);
        c.put("sparsity_warmup", 0);
        c.put("dead_window", "10000000 tokens");
        c.put("jumprelu.start", "fixed");
    }

    private static void saelens(Method m, int n, Map<String, Object> c) {
        published(c, 3e-4, 4096);
        c.put("clip", 1);
        c.put("input_scale", "expected_average_only_in");
        c.put("decoder_bias", "zero");
        c.put("encoder_bias", 0);
        c.put("dead_window", "1000 steps");
        c.put("l0_target", 0);
        if (m != Method.GATED) { // gates need a unit decoder here
            c.put("decoder", "free");
            c.put("decoder_norm", 0.1);
        }
        if (m.choosesK()) {
            c.put("k", Math.min(100, n));
            c.put("aux", 1);
            c.put("threshold_decay", 0.99);
        }
        if (m == Method.MATRYOSHKA) {
            c.put("matryoshka.weights", "sum");
        }
        if (m.paysForActivations()) {
            c.put("l1", 1);
        }
        if (m == Method.JUMPRELU) {
            c.put("aux", 0);
            c.put("threshold", 0.01);
            c.put("bandwidth", 0.05);
            c.put("l0_coefficient", 1);
        }
    }

    private static void dictionaryLearning(Method m, int n, Map<String, Object> c) {
        published(c, 2e-4 / Math.sqrt(n / 16384.0), 2048);
        c.put("learning_rate_warmup", "1000 steps");
        c.put("encoder_bias", 0);
        if (m.choosesK()) {
            c.put("decoder_bias", "geometric_median");
            c.put("clip", 1);
            c.put("k", Math.min(40, n));
        } else {
            c.put("decoder_bias", "zero");
            c.put("sparsity_warmup", "2000 steps");
        }
        switch (m) {
            case RELU -> {
                c.put("learning_rate", 1e-3);
                c.put("l1", 0.1);
                c.put("l0_target", 0);
            }
            case PANNEAL -> {
                c.put("learning_rate", 1e-3);
                c.put("l1", 0.1);
                c.put("l0_target", 0);
                c.put("panneal.start", "10000 steps");
            }
            case GATED -> {
                c.put("learning_rate", 5e-5);
                c.put("beta1", 0);
                c.put("l1", 0.1);
                c.put("l0_target", 0);
            }
            case JUMPRELU -> {
                c.put("learning_rate", 7e-5);
                c.put("beta1", 0);
                c.put("apply_b_dec_to_input", false);
                c.put("clip", 1);
                c.put("aux", 0);
                c.put("threshold", 0.001);
                c.put("bandwidth", 0.001);
                c.put("l0_coefficient", 1);
                c.put("l0_target", Math.min(20, n - 1));
            }
            default -> {}
        }
    }

    private static void openai(int n, Map<String, Object> c) {
        published(c, 1e-4, 131_072);
        c.put("k", Math.min(32, n));
        c.put("epsilon", 6.25e-10);
        c.put("decoder_bias", "geometric_median");
        c.put("clip", 1);
        c.put("aux_k", Math.min(256, n));
    }

    private static void sparsify(int n, Map<String, Object> c) {
        published(c, 2e-4 / Math.sqrt(n / 16384.0), 4096);
        c.put("k", Math.min(32, n));
        c.put("aux", 0);
        c.put("input_scale", "none");
        c.put("learning_rate_warmup", "1000 steps");
        c.put("learning_rate_decay", 1);
    }

    private static void anthropic2023(Map<String, Object> c) {
        published(c, 1e-3, 8192);
        c.put("l1", 0.004);
        c.put("l0_target", 0);
        c.put("encoder_bias", 0);
        c.put("decoder_bias", "geometric_median");
        c.put("input_scale", "none");
        c.put("dead_window", "12500 steps");
        c.put("recycle.policy", "resample");
        c.put("recycle.every", "25000 steps");
        c.put("recycle.until", "100000 steps");
    }

    private static void anthropic2024(Map<String, Object> c) {
        published(c, 5e-5, 4096);
        c.put("decoder", "free");
        c.put("decoder_norm", 0.1);
        c.put("decoder_bias", "zero");
        c.put("encoder_bias", 0);
        c.put("apply_b_dec_to_input", false);
        c.put("input_scale", "expected_average_only_in");
        c.put("l1", 5);
        c.put("l0_target", 0);
        c.put("sparsity_warmup", 0.05);
        c.put("learning_rate_decay", 0.2);
        c.put("clip", 1);
    }

    private static void anthropic2025(int n, Map<String, Object> c) {
        published(c, 2e-4, 32_768);
        c.put("decoder", "free");
        c.put("decoder_norm", 0.577); // of entries that are uniform between -1/sqrt(d) and 1/sqrt(d)
        c.put("decoder_bias", "zero");
        c.put("apply_b_dec_to_input", false);
        c.put("input_scale", "expected_average_only_in");
        c.put("learning_rate_decay", 0.2);
        c.put("sparsity_warmup", 1);
        c.put("clip", 1);
        c.put("aux", 0);
        c.put("threshold", 0.1);
        c.put("bandwidth", 2);
        c.put("l0_coefficient", 10);
        c.put("l0_target", 0);
        c.put("jumprelu.penalty", "tanh");
        c.put("jumprelu.tanh_scale", 4);
        c.put("jumprelu.pre_activation", 3e-6);
    }

    private static void gemmaScope(Map<String, Object> c) {
        published(c, 7e-5, 4096);
        c.put("beta1", 0);
        c.put("learning_rate_shape", "cosine");
        c.put("learning_rate_start", 0.1);
        c.put("learning_rate_warmup", "1000 steps");
        c.put("sparsity_warmup", "10000 steps");
        c.put("decoder_bias", "zero");
        c.put("apply_b_dec_to_input", false);
        c.put("aux", 0);
        c.put("threshold", 0.001);
        c.put("bandwidth", 0.001);
        c.put("l0_coefficient", 1e-3);
        c.put("l0_target", 0);
    }

    private static TrainConfig demo(Method method, int dSae) {
        boolean jump = method == Method.JUMPRELU;
        boolean paid = method.paysForActivations();
        return new TrainConfig(
                "demo",
                method.id(),
                dSae,
                method.choosesK() ? Math.min(24, dSae) : 0,
                method.choosesK() ? 0 : 24,
                paid ? 0.01 : 0,
                jump ? 1 : 0,
                2_000,
                1_024,
                1e-3,
                0.9,
                0.999,
                1e-8,
                Span.share(0.05),
                Span.share(0.2),
                "linear",
                0,
                Span.share(0.05),
                Span.share(0.05),
                0,
                0,
                InputScale.UNIT_MEAN_SQUARED_NORM.id(),
                "mean",
                true,
                false,
                "unit",
                0.1,
                1,
                paid ? -0.2 : 0,
                jump ? 0.2 : 0,
                jump ? 0.1 : 0,
                method.choosesK() || jump ? 1.0 / 32 : 0,
                0,
                0.999,
                "",
                0,
                RecycleSettings.NONE,
                TopKSettings.DEFAULT,
                JumpReluSettings.PAPER,
                MatryoshkaSettings.DEFAULT,
                PAnnealSettings.DEFAULT,
                "fp32",
                TrainConfig.CHECKPOINT_MINUTES,
                Span.steps(0),
                0);
    }
}
