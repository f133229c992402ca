package dev.loupe.train;

import dev.loupe.base.UsageException;
import dev.loupe.sae.Architecture;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** A way to train an SAE, and the architecture that the finished one has. */
public enum Method {
    /** An L1 penalty: Bricken et al., Towards Monosemanticity (2023); with a free decoder, Anthropic's update of April 2024. */
    RELU(Architecture.RELU),
    /** p-annealing, Lp with p falling from 1: Karvonen et al., arXiv 2408.00113. */
    PANNEAL(Architecture.RELU),
    /** Gao et al., arXiv 2406.04093. */
    TOPK(Architecture.TOPK),
    /** Bussmann et al., arXiv 2412.06410; used with one threshold for all latents. */
    BATCHTOPK(Architecture.JUMPRELU),
    /** Nested prefixes: Bussmann et al., arXiv 2503.17547; used with one threshold for all latents. */
    MATRYOSHKA(Architecture.JUMPRELU),
    /** Rajamanoharan et al., arXiv 2407.14435. */
    JUMPRELU(Architecture.JUMPRELU),
    /** Rajamanoharan et al., arXiv 2404.16014; equal to a JumpReLU SAE once trained (its appendix). */
    GATED(Architecture.JUMPRELU);

    private final Architecture result;

    Method(Architecture result) {
        this.result = result;
    }

    /** The name in commands and files. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The architecture of what comes out. */
    public Architecture result() {
        return result;
    }

    /** Whether the number of active latents is set directly, by k. */
    public boolean choosesK() {
        return this == TOPK || this == BATCHTOPK || this == MATRYOSHKA;
    }

    /** Whether sparsity comes from a penalty on activations whose weight is {@code l1}. */
    public boolean paysForActivations() {
        return this == RELU || this == PANNEAL || this == GATED;
    }

    /**
     * The method of a name.
     *
     * @throws UsageException if there is none, listing those that there are
     */
    public static Method of(String name) {
        for (Method m : values()) {
            if (m.id().equals(name.toLowerCase(Locale.ROOT)) || (m == RELU && name.equalsIgnoreCase("standard"))) {
                return m;
            }
        }
        throw new UsageException("There is no SAE architecture \"" + name + "\": choose one of " + names() + ".");
    }

    /** All names, for people. */
    public static String names() {
        return Arrays.stream(values()).map(Method::id).collect(Collectors.joining(", "));
    }
}
