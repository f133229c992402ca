package dev.loupe.model;

/** What a pass shall give besides the hook points it reads. */
public enum Want {
    /** Nothing: the pass stops after the last layer that a tap needs. */
    NOTHING,
    /** The logits at the last real token of each row. */
    LAST_LOGITS,
    /** The logits at every position; {@code batch * positions * d_vocab} floats. */
    ALL_LOGITS,
    /** The loss of predicting each next token, computed without moving logits to Java. */
    TOKEN_LOSS
}
