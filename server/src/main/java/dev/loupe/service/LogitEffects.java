package dev.loupe.service;

import java.util.Map;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a latent's decoder row does to the logits of all tokens (the logit lens of the feature index), as a histogram.
 *
 * @param from lower end of the first bin
 * @param to upper end of the last bin; bins are of equal width
 * @param counts tokens in each bin
 * @param mean over the vocabulary
 * @param std over the vocabulary
 * @param skewness over the vocabulary
 * @param kurtosis over the vocabulary, 3 for a normal distribution: far above it, a few tokens stand out
 * @param bytes of the tokens that are only part of a character, by id, as {@code "E2 82"}: among those that the index
 *     lists as promoted or suppressed
 */
@JsonNaming(SnakeCaseStrategy.class)
public record LogitEffects(
        double from,
        double to,
        long[] counts,
        double mean,
        double std,
        double skewness,
        double kurtosis,
        Map<Integer, String> bytes) {}
