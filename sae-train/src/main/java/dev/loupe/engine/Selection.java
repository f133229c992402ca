package dev.loupe.engine;

/** Which latents act on a row during training. */
public enum Selection {
    /** f = max(π, 0). */
    POSITIVE,
    /** The k largest π of each row, rectified. */
    TOPK,
    /** The k · rows largest π of the whole batch, rectified; a row may have more or fewer than k. */
    BATCH_TOPK,
    /** f = π where π exceeds the latent's threshold θ ≥ 0. */
    THRESHOLD,
    /** f = max(e^r (π − b_enc) + b_mag, 0) where π &gt; 0: one direction, read by a gate and by a magnitude. */
    GATE
}
