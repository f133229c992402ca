package dev.loupe.engine;

import dev.loupe.sae.Architecture;

/**
 * What one training step does, as plain numbers that an engine can fuse. The loss is
 *
 * <pre>{@code
 * mean over the batch of ‖x − x̂‖²              (summed over d, in the units of the batch)
 *   + l1 · mean Σ f                             ReLU
 *   + l0 penalty                                JumpReLU: l0 · (L0/l0Target − 1)², or l0 · L0 where l0Target is 0
 *   + aux · (Σ‖r − r̂‖² / Σ‖r‖²) · mean ‖x‖²     TopK: r = x − x̂ held constant, r̂ from the auxK largest pre-activations
 *                                               (not rectified, without b_dec) among the dead latents
 * }</pre>
 *
 * <p>Decoder rows have norm one: the part of their gradient along the row is removed before Adam and the norm restored
 * after it. Thresholds are kept at 0 or above.
 *
 * @param architecture which latents are active
 * @param k active latents per row (TopK)
 * @param l1 weight of the L1 penalty (ReLU)
 * @param l0 weight of the L0 penalty (JumpReLU)
 * @param l0Target wanted L0, or 0 for a penalty linear in L0 (JumpReLU)
 * @param bandwidth ε of the rectangle kernel (JumpReLU; arXiv 2407.14435, equations 11 and 12)
 * @param aux weight of the auxiliary loss, 0 for none (TopK; arXiv 2406.04093, section 2.4 and appendix A.2)
 * @param auxK dead latents used per row
 * @param deadAfter a latent is dead when it has not fired (f &gt; 0) in so many steps
 * @param adam the optimiser's numbers
 */
public record StepRule(
        Architecture architecture,
        int k,
        double l1,
        double l0,
        double l0Target,
        double bandwidth,
        double aux,
        int auxK,
        int deadAfter,
        AdamRule adam) {

    /** The derivative of the L0 penalty with respect to the batch's mean L0. */
    public double l0Slope(double meanL0) {
        return l0Target > 0 ? 2 * l0 * (meanL0 / l0Target - 1) / l0Target : l0;
    }

    /** The value of the L0 penalty. */
    public double l0Penalty(double meanL0) {
        double relative = meanL0 / l0Target - 1;
        return l0Target > 0 ? l0 * relative * relative : l0 * meanL0;
    }
}
