package dev.loupe.graph;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a node of an attribution graph stands for. */
public enum NodeKind {
    /** What enters the first block at a position: the token's embedding. */
    @JsonProperty("embedding")
    EMBEDDING,
    /** An active latent of a layer's transcoder at a position. */
    @JsonProperty("feature")
    FEATURE,
    /** What a layer's transcoder leaves of its MLP's output at a position. */
    @JsonProperty("error")
    ERROR,
    /** A logit behind the last token, less the mean of all logits; or a difference of two. */
    @JsonProperty("logit")
    LOGIT
}
