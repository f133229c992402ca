package dev.loupe.model;

/**
 * Which parts of the backward pass follow the rules of relevance patching (RelP: Rezaei Jafari et al.,
 * arXiv 2508.21258, table of rules) instead of the plain derivative. Forward values never change.
 *
 * @param layerNorm LN-rule: the denominator of every norm counts as a constant
 * @param identity Identity-rule: the activation function counts as {@code x * c} with the constant
 *     {@code c = act(x) / x}, for SiLU {@code sigmoid(x)}
 * @param half Half-rule: each factor of a gated product gets half of its derivative
 * @param attention AH-rule: the attention pattern counts as a constant, nothing flows into queries and keys
 */
public record Rules(boolean layerNorm, boolean identity, boolean half, boolean attention) {
    /** The plain gradient. */
    public static final Rules NONE = new Rules(false, false, false, false);

    /** The defaults of the paper's code: LN, Identity and Half; the attention pattern keeps its gradient. */
    public static final Rules RELP = new Rules(true, true, true, false);
}
