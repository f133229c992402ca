package dev.loupe.graph;

/**
 * A change of one node: its part of the MLP's output (or of the residual stream before the first block) is multiplied.
 *
 * @param node id of a feature, an error or an embedding
 * @param factor 0 takes it away, 2 doubles it, -1 turns it round
 */
public record Intervention(String node, double factor) {}
