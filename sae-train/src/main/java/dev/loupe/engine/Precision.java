package dev.loupe.engine;

import dev.loupe.base.UsageException;
import java.util.Locale;

/** What the encoder's dense product is computed in. Parameters, moments, gradients and activations are float32 in all. */
public enum Precision {
    /** float32: latents are chosen by their exact pre-activations. */
    FP32,
    /**
     * bfloat16 with sums in float32, for choosing latents: a pre-activation is off by about 0.0023 · ‖x‖‖w‖/√d (at most
     * (2⁻⁷ + d · 2⁻²⁴) Σ |x_c w_c|), so near the last one chosen another latent may win. The pre-activations of those chosen
     * are computed again in float32, unless a row has more than a 32nd of all latents.
     */
    BF16,
    /**
     * 8-bit integers, for leaving out latents: all whose rounding errors, taken as independent, would have to exceed five
     * standard deviations for them to be among the chosen. The others' pre-activations are computed in float32 and chosen by
     * those. Where the processor has no such product, or so many latents are chosen that it does not pay, as {@link #FP32}.
     */
    INT8,
    /** On a GPU: float32 in memory, with ten bits of fraction in the product that chooses latents; then as BF16. */
    TF32;

    /** The name in settings. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The precision of a name. */
    public static Precision of(String id) {
        for (Precision p : values()) {
            if (p.id().equals(id)) {
                return p;
            }
        }
        throw new UsageException(
                "There is no precision \"" + id + "\"; there are fp32, bf16, int8 and, on a GPU, tf32.");
    }
}
