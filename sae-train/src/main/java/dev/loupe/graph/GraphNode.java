package dev.loupe.graph;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A node of an attribution graph.
 *
 * @param id unique in its graph: {@code 3_1234_7} for latent 1234 of layer 3 at position 7, {@code error_3_7},
 *     {@code E_512_7} for the embedding of token 512 at position 7, {@code 7_512_9} for the logit of token 512 after six
 *     blocks
 * @param kind what it stands for
 * @param layer its block; -1 for embeddings, the number of blocks for logits
 * @param position its position in the prompt; that of the last token for logits
 * @param sae the layer's transcoder, of features and errors
 * @param feature the latent's number; null unless it is a feature
 * @param token the id of the embedding's or the logit's token; null for others and for a difference of logits
 * @param text what to show if there is no label: the token's text, {@code 3/1234}, {@code error 3}
 * @param activation of a feature its activation; of a logit its value less the mean of all logits; of an error the length of
 *     its vector; of an embedding the length of the residual stream there
 * @param influence its share in the logits by all paths, from 0 to 1: Σ_k w·|A|^k with rows of |A| that sum to 1 and w the
 *     probabilities of the logits
 * @param cumulative share of all influence that this node and those with more have together, 0 to 1: what a slider of
 *     influence cuts at
 * @param probability of a logit's token; 0 for others
 * @param constant of features and logits: their pre-activation less all incoming weights (those cut off too), that is what
 *     biases, b_dec and the beginning-of-sequence token's MLP outputs add
 * @param label a name for people; null if nobody gave one
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record GraphNode(
        String id,
        NodeKind kind,
        int layer,
        int position,
        @Nullable String sae,
        @Nullable Integer feature,
        @Nullable Integer token,
        String text,
        double activation,
        double influence,
        double cumulative,
        double probability,
        double constant,
        @Nullable String label) {
    /** Checks the position, which texts are looked up by. */
    public GraphNode {
        if (position < 0) {
            throw new IllegalArgumentException("the node " + id + " is at position " + position);
        }
    }

    /** The same with a name for people. */
    public GraphNode withLabel(@Nullable String name) {
        return with(influence, name);
    }

    /** The same with another influence. */
    GraphNode withInfluence(double share) {
        return with(share, label);
    }

    private GraphNode with(double share, @Nullable String name) {
        return new GraphNode(
                id,
                kind,
                layer,
                position,
                sae,
                feature,
                token,
                text,
                activation,
                share,
                cumulative,
                probability,
                constant,
                name);
    }

    /** What to show: the label, or else the text. */
    public String shown() {
        return label == null || label.isBlank() ? text : label;
    }
}
