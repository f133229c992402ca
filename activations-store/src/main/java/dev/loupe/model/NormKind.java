package dev.loupe.model;

/** The norms of the families. */
enum NormKind {
    /** RMSNorm, {@code x / s * w} (arXiv 1910.07467). */
    RMS,
    /** RMSNorm whose checkpoint holds {@code w - 1} (Gemma). */
    RMS_LESS_ONE,
    /** LayerNorm, {@code (x - mean(x)) / s * w + b} (arXiv 1607.06450). */
    LAYER
}
