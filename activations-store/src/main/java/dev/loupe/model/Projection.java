package dev.loupe.model;

/** The matrix products of a block, by what they make. */
public enum Projection {
    /** Queries. */
    Q,
    /** Keys. */
    K,
    /** Values. */
    V,
    /** What attention adds to the residual stream, from the heads' outputs. */
    O,
    /** Neurons before the activation function: the gate, where there is one. */
    MLP_IN,
    /** What the activated gate is multiplied with; only in gated MLPs. */
    MLP_LINEAR,
    /** What the MLP adds to the residual stream, from its neurons. */
    MLP_OUT
}
