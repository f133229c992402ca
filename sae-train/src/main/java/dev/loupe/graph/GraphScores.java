package dev.loupe.graph;

/**
 * How much of the computation a graph explains (definitions of circuit-tracer, computed before anything is cut off).
 *
 * @param replacement of all influence that reaches embeddings or errors, the share of the embeddings: how much runs from the
 *     prompt to the answer through features alone, 0 to 1
 * @param completeness share of features and embeddings in the incoming weights of nodes, weighted by the nodes' influence, 0
 *     to 1
 */
public record GraphScores(double replacement, double completeness) {}
