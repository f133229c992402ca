package dev.loupe.model;

/** What the backward pass of a block needs of its forward pass: as tensors ({@link BlockState}) or in memory ({@link FusedState}). */
sealed interface BlockRecord permits BlockState, FusedState {
    /** Takes the tensors out of the current scope, so that they live until {@link #close}. */
    void keep();

    /** Bytes of the tensors. */
    long bytes();

    /** Frees what {@link #keep} kept. */
    void close();
}
