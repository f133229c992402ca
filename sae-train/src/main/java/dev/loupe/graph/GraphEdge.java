package dev.loupe.graph;

/**
 * The direct effect of a node on another.
 *
 * @param source id of the earlier node
 * @param target id of the later node
 * @param weight how much the source adds to the target's pre-activation (of a logit: to its value less the mean), with
 *     attention patterns and norm scales as they are and through no other transcoder
 */
public record GraphEdge(String source, String target, double weight) {}
