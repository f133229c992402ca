package dev.loupe.service;

import dev.loupe.compare.Overlap;
import dev.loupe.compare.SeedStatistics.Interval;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What an experiment on seeds came to.
 *
 * @param format version of the file, major.minor
 * @param spec what was asked for
 * @param storeFingerprint the data
 * @param cells every setting with its figures
 * @param trends each factor with what it does
 * @param notes what bears on the figures
 * @param seconds that it took, training included
 * @param created when, ISO 8601
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SeedExperiment(
        String format,
        SeedsSpec spec,
        String storeFingerprint,
        List<CellResult> cells,
        List<Trend> trends,
        List<String> notes,
        double seconds,
        String created) {
    /** The version that this code writes. */
    public static final String FORMAT = "1.0";

    /**
     * One setting.
     *
     * @param arch architecture
     * @param dSae width
     * @param k asked L0
     * @param tokens training length
     * @param tokensPerLatent the two divided
     * @param saes names, by seed
     * @param l0 measured, by seed
     * @param equalL0 whether all of them lie within 10 % of k
     * @param alive mean share of latents that fire
     * @param shared share of latents that are shared, over pairs of seeds
     * @param sharedAlive the same among latents that fire
     * @param sharedByPair the same before averaging over pairs, [seed][seed]
     * @param agreement share of latents with one counterpart in both assignments
     * @param meanCosine mean decoder cosine of assigned pairs (PW-MCC)
     * @param nullShared share of latents of random dictionaries of this size that would count as shared
     * @param nullCosine their mean assigned cosine
     * @param gap largest proven gap of the assignments
     * @param histogram share of latents found in exactly m of the seeds, m = 1 first
     * @param onlyOne growth curve of what is found in one seed only
     * @param transitivity null with two seeds
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record CellResult(
            String arch,
            int dSae,
            int k,
            long tokens,
            double tokensPerLatent,
            List<String> saes,
            double[] l0,
            boolean equalL0,
            double alive,
            Interval shared,
            Interval sharedAlive,
            double[][] sharedByPair,
            double agreement,
            double meanCosine,
            double nullShared,
            double nullCosine,
            double gap,
            double[] histogram,
            List<Overlap.Growth> onlyOne,
            Overlap.@Nullable Transitivity transitivity) {
        /** What it is, in a few words. */
        public String title() {
            return arch + " " + dSae + ", k " + k + ", " + tokens + " tokens";
        }
    }

    /**
     * What one factor does.
     *
     * @param factor tokens, width, width_at_equal_tokens_per_latent, k or architecture
     * @param arch the architecture it was varied in; for the factor architecture the two compared
     * @param x values of the factor, ascending; for architectures 0 and 1
     * @param cells the cells, as numbers in the list of cells
     * @param difference of the shared fraction, last minus first, with the same seeds resampled
     * @param expected "up" or "down": what the paper saw; "open" where it did not look
     * @param verdict "as in the paper", "opposite to the paper" ("up", "down" where it did not look), or "not shown" where the interval holds 0 or a cell
     *     misses the asked L0
     * @param usable whether all cells lie within 10 % of the asked L0
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Trend(
            String factor,
            String arch,
            double[] x,
            int[] cells,
            Interval difference,
            String expected,
            String verdict,
            boolean usable) {}
}
