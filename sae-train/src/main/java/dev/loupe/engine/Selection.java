package dev.loupe.engine;

/** Which latents act on a row during training. */
public enum Selection {
    /** f = max(π, 0). */
    POSITIVE,
    /** The k largest π of each row, rectified. */
    TOPK,
    /**
     * About k of each row: f = π where π exceeds max(θ, 0), θ = mean + std · Q(1 − k/d_sae) of the row's π (arXiv 2506.06644).
     * As with TOPK, which latents are chosen is held constant in the backward pass.
     */
    STATISTICAL,
    /** The k · rows largest π of the whole batch, rectified; a row may have more or fewer than k. */
    BATCH_TOPK,
    /** f = π where π exceeds the latent's threshold θ ≥ 0. */
    THRESHOLD,
    /** f = max(e^r (π − b_enc) + b_mag, 0) where π &gt; 0: one direction, read by a gate and by a magnitude. */
    GATE
}
