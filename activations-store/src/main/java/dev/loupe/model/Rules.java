package dev.loupe.model;

import dev.loupe.base.UsageException;

/**
 * Which parts of the backward pass follow the rules of relevance patching (RelP: Rezaei Jafari et al.,
 * arXiv 2508.21258, table of rules) instead of the plain derivative. Forward values never change.
 *
 * @param layerNorm LN-rule: the denominator of every norm counts as a constant
 * @param identity Identity-rule: the activation function counts as {@code x * c} with the constant
 *     {@code c = act(x) / x}, for SiLU {@code sigmoid(x)}
 * @param half Half-rule: each factor of a gated product gets half of its derivative
 * @param attention AH-rule: the attention pattern counts as a constant, nothing flows into queries and keys
 * @param softGate the soft gate of excitation pullbacks (arXiv 2507.22832): the slope of the activation function is
 *     {@code sigmoid(x / softGate)}; 0 for its own slope. Towards 0 it is ReLU's hard gate, towards infinity 1/2
 */
public record Rules(boolean layerNorm, boolean identity, boolean half, boolean attention, double softGate) {
    /** Refuses what contradicts itself. */
    public Rules {
        if (!(softGate >= 0) || Double.isInfinite(softGate)) {
            throw new UsageException(
                    "The temperature of the soft gate must be a number above 0, not " + softGate + ".");
        }
        if (identity && softGate > 0) {
            throw new UsageException("The Identity-rule and the soft gate both replace the slope of the activation"
                    + " function: choose one of identity and soft.");
        }
    }

    /** Rules without the soft gate. */
    public Rules(boolean layerNorm, boolean identity, boolean half, boolean attention) {
        this(layerNorm, identity, half, attention, 0);
    }

    /** The plain gradient. */
    public static final Rules NONE = new Rules(false, false, false, false);

    /** The defaults of the paper's code: LN, Identity and Half; the attention pattern keeps its gradient. */
    public static final Rules RELP = new Rules(true, true, true, false);
}
