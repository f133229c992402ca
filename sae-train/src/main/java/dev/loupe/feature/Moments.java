package dev.loupe.feature;

import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Moments of a latent's activation a: over the tokens on which it is active, and over all tokens (inactive ones count 0).
 * Population moments; skewness and kurtosis are 0 where the values do not vary, kurtosis is not reduced by 3.
 *
 * @param mean over active tokens
 * @param std over active tokens
 * @param skewness over active tokens
 * @param kurtosis over active tokens
 * @param meanAll E[a] over all tokens
 * @param meanSquareAll E[a²] over all tokens
 * @param skewnessAll over all tokens
 * @param kurtosisAll over all tokens
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Moments(
        double mean,
        double std,
        double skewness,
        double kurtosis,
        double meanAll,
        double meanSquareAll,
        double skewnessAll,
        double kurtosisAll) {

    /** From sums of powers of the activation over active tokens; {@code sums[p]} is that of the power p, from 0. */
    static Moments of(double[] sums, long tokens) {
        double[] active = central(sums, sums[0]);
        double[] all = central(sums, tokens);
        return new Moments(
                sums[0] == 0 ? 0 : sums[1] / sums[0],
                active[0],
                active[1],
                active[2],
                tokens == 0 ? 0 : sums[1] / tokens,
                tokens == 0 ? 0 : sums[2] / tokens,
                all[1],
                all[2]);
    }

    /** Standard deviation, skewness and kurtosis of n values with these sums of powers. */
    private static double[] central(double[] sums, double n) {
        if (n == 0) {
            return new double[3];
        }
        double m = sums[1] / n;
        double m2 = sums[2] / n;
        double m3 = sums[3] / n;
        double m4 = sums[4] / n;
        double variance = Math.max(0, m2 - m * m);
        if (variance <= 1e-12 * m2) {
            return new double[3];
        }
        double third = m3 - 3 * m * m2 + 2 * m * m * m;
        double fourth = m4 - 4 * m * m3 + 6 * m * m * m2 - 3 * m * m * m * m;
        return new double[] {Math.sqrt(variance), third / Math.pow(variance, 1.5), fourth / (variance * variance)};
    }
}
