package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A latent of the same SAE that writes in nearly the same direction.
 *
 * @param id the other latent
 * @param label its label
 * @param cosine of the two decoder rows
 * @param together share of this latent's firings on which the other one fires as well
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Neighbour(int id, String label, float cosine, double together) {}
