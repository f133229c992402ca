package dev.loupe.patch;

import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A part of a sparse feature circuit, measured.
 *
 * @param nodes how many nodes it has
 * @param alone metric of the clean prompts when everything else is mean-ablated
 * @param without metric when the part is mean-ablated and everything else is kept
 * @param faithfulness (alone − m(none)) / (m(all) − m(none))
 * @param completeness (without − m(none)) / (m(all) − m(none)): what is left without it
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record CircuitPart(int nodes, double alone, double without, double faithfulness, double completeness) {}
