package dev.loupe.inspect;

import java.util.List;

/**
 * What the residual stream at one layer and position would predict.
 *
 * @param top the most probable tokens, best first
 * @param rank of the chosen token, 1 for the most probable; 0 where none was chosen
 * @param probability of the chosen token
 * @param entropy of the distribution, in nats
 */
public record LensCell(List<TokenScore> top, int rank, float probability, float entropy) {}
