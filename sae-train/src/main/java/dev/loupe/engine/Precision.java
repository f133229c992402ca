package dev.loupe.engine;

import dev.loupe.base.UsageException;
import java.util.Locale;

/** What the encoder's dense product is computed in. Parameters, moments, gradients and activations are float32 in both. */
public enum Precision {
    /** float32: latents are chosen by their exact pre-activations. */
    FP32,
    /**
     * bfloat16 with sums in float32, for choosing latents: a pre-activation is off by about 0.0023 · ‖x‖‖w‖/√d (at most
     * (2⁻⁷ + d · 2⁻²⁴) Σ |x_c w_c|), so near the last one chosen another latent may win. The pre-activations of those chosen
     * are computed again in float32, unless a row has more than a 32nd of all latents.
     */
    BF16;

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
        throw new UsageException("There is no precision \"" + id + "\"; there are fp32 and bf16.");
    }
}
