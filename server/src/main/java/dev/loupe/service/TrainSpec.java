package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.store.Shuffle;
import dev.loupe.train.Method;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * SAEs to train. What is null takes the recipe's value.
 *
 * @param name their name; with several seeds NAME-s0, NAME-s1, ...
 * @param store the activation store; {@value #NO_STORE} to train straight from the model of {@code live}
 * @param hook which of its hook points; null if it has one
 * @param hookOut the hook point that a transcoder reconstructs from the other one; null for an SAE
 * @param arch {@link Method#id()}: relu, topk, batchtopk, jumprelu, gated, matryoshka, panneal
 * @param dSae number of latents
 * @param k active latents per token (topk, batchtopk, matryoshka)
 * @param l0Target L0 to aim for (jumprelu, relu, panneal, gated)
 * @param l1 weight of the penalty on activations (relu, panneal, gated)
 * @param seeds one SAE each; empty for seed 0 and a name without a suffix
 * @param steps optimiser steps
 * @param tokens rows to see, instead of steps
 * @param set further settings of the recipe, by name
 * @param shuffle how the rows of a store are mixed, {@link Shuffle#id()}; null for full
 * @param live model and text of a training without a store; null with one
 * @param preset the recipe to begin from; null for the demo's
 */
public record TrainSpec(
        String name,
        String store,
        @Nullable String hook,
        @Nullable String hookOut,
        String arch,
        int dSae,
        @Nullable Integer k,
        @Nullable Double l0Target,
        @Nullable Double l1,
        List<Long> seeds,
        @Nullable Long steps,
        @Nullable Long tokens,
        Map<String, Object> set,
        @Nullable String shuffle,
        @Nullable LiveSpec live,
        @Nullable String preset) {
    /** The store of a training that has none. */
    public static final String NO_STORE = "none";

    /** Fills in what JSON may leave out, and checks what can be checked alone. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public TrainSpec {
        if (name == null || store == null || arch == null) {
            throw new UsageException("A training needs a name, a store and an architecture.");
        }
        Method.of(arch);
        seeds = seeds == null ? List.of() : List.copyOf(seeds);
        set = set == null ? Map.of() : Map.copyOf(set);
        if (dSae < 1) {
            throw new UsageException("d_sae is " + dSae + "; an SAE needs at least one latent.");
        }
        if (steps != null && tokens != null) {
            throw new UsageException("Give steps or tokens, not both.");
        }
        if ((steps != null && steps < 1) || (tokens != null && tokens < 1)) {
            throw new UsageException("The length of a training must be at least 1.");
        }
        if (seeds.stream().distinct().count() != seeds.size()) {
            throw new UsageException("A seed is named twice.");
        }
        if (store.equals(NO_STORE) != (live != null)) {
            throw new UsageException(
                    live == null
                            ? "Training without a store reads a text through a model: name the text (and the model)."
                            : "A training has a store, or a model and a text, not both: the store none stands for the"
                                    + " latter.");
        }
        if (live == null) {
            Shuffle.of(shuffle == null ? Shuffle.FULL.id() : shuffle);
        } else if (shuffle != null) {
            throw new UsageException("Rows straight from a model pass through a mixing buffer; a shuffle (" + shuffle
                    + ") is for stores.");
        } else if (hook == null) {
            throw new UsageException(
                    "Training straight from a model needs a hook point, such as" + " blocks.3.hook_resid_post.");
        }
    }

    /** SAEs whose other settings are the demo recipe's until they are said. */
    public static Builder of(String name, String store, String arch, int dSae) {
        return new Builder(name, store, arch, dSae);
    }

    /** Collects the parts of a training; null leaves a part at its default. */
    public static final class Builder {
        private final String name;
        private final String store;
        private final String arch;
        private final int dSae;
        private @Nullable String hook;
        private @Nullable String hookOut;
        private @Nullable Integer k;
        private @Nullable Double l0Target;
        private @Nullable Double l1;
        private List<Long> seeds = List.of();
        private @Nullable Long steps;
        private @Nullable Long tokens;
        private Map<String, Object> set = Map.of();
        private @Nullable String shuffle;
        private @Nullable LiveSpec live;
        private @Nullable String preset;

        private Builder(String name, String store, String arch, int dSae) {
            this.name = name;
            this.store = store;
            this.arch = arch;
            this.dSae = dSae;
        }

        /** The hook point that is read. */
        public Builder hook(@Nullable String value) {
            hook = value;
            return this;
        }

        /** The hook point that a transcoder writes. */
        public Builder hookOut(@Nullable String value) {
            hookOut = value;
            return this;
        }

        /** Active latents per token. */
        public Builder k(@Nullable Integer value) {
            k = value;
            return this;
        }

        /** The L0 to aim for. */
        public Builder l0Target(@Nullable Double value) {
            l0Target = value;
            return this;
        }

        /** So many active latents per token, by the setting that the architecture has for it. */
        public Builder active(int value) {
            return Method.of(arch).choosesK() ? k(value) : l0Target((double) value);
        }

        /** The weight of the penalty on activations. */
        public Builder l1(@Nullable Double value) {
            l1 = value;
            return this;
        }

        /** One SAE each. */
        public Builder seeds(List<Long> values) {
            seeds = values;
            return this;
        }

        /** Optimiser steps. */
        public Builder steps(@Nullable Long value) {
            steps = value;
            return this;
        }

        /** Rows to see, instead of steps. */
        public Builder tokens(@Nullable Long value) {
            tokens = value;
            return this;
        }

        /** Further settings by name. */
        public Builder set(Map<String, Object> values) {
            set = values;
            return this;
        }

        /** How the rows of a store are mixed. */
        public Builder shuffle(@Nullable String value) {
            shuffle = value;
            return this;
        }

        /** The model and text of a training without a store. */
        public Builder live(@Nullable LiveSpec value) {
            live = value;
            return this;
        }

        /** The recipe to begin from. */
        public Builder preset(@Nullable String value) {
            preset = value;
            return this;
        }

        /** The training. */
        public TrainSpec build() {
            return new TrainSpec(
                    name, store, hook, hookOut, arch, dSae, k, l0Target, l1, seeds, steps, tokens, set, shuffle, live,
                    preset);
        }
    }
}
