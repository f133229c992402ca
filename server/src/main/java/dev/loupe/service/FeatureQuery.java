package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.feature.FeatureSummary;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which features of an SAE to list.
 *
 * @param sort one of {@link #SORTS}
 * @param descending largest first
 * @param text only features whose number, label, top token or top label holds this, case aside; blank for all
 * @param language only features that fire most on documents of this label; blank for all
 * @param seeds only features found in all other seeds ({@code all}), in some ({@code some}) or in none ({@code none});
 *     blank for every one
 * @param group only features of this {@link FeatureGroup}, by its key; blank for all
 * @param minDensity only features at least this dense
 * @param maxDensity only features at most this dense
 * @param dead whether to show features that never fire
 * @param offset how many to leave out at the front
 * @param limit at most so many; 0 for all
 * @param minScore only features whose label has at least this balanced accuracy on held-out tokens; 0 for all
 */
public record FeatureQuery(
        String sort,
        boolean descending,
        String text,
        String language,
        String group,
        String seeds,
        double minDensity,
        double maxDensity,
        boolean dead,
        int offset,
        int limit,
        double minScore) {
    /** What features can be sorted by. */
    public static final List<String> SORTS = List.of(
            "id",
            "label",
            "label_score",
            "density",
            "held_out_density",
            "max",
            "mean",
            "top_token",
            "top_token_share",
            "top_label",
            "top_label_share",
            "enc_dec_cosine",
            "token_r2",
            "label_entropy",
            "distinct_tokens",
            "contextual",
            "stability");

    /** What {@code seeds} can be, beside blank. */
    public static final List<String> SEEDS = List.of("all", "some", "none");

    /** Checks the ranges. */
    public FeatureQuery {
        if (!SORTS.contains(sort)) {
            throw new UsageException(
                    "Features cannot be sorted by \"" + sort + "\"; use one of " + String.join(", ", SORTS) + ".");
        }
        if (!group.isBlank()
                && Arrays.stream(FeatureGroup.values()).noneMatch(g -> g.key().equals(group))) {
            throw new UsageException(
                    "There is no list of features \"" + group + "\"; use one of " + FeatureGroup.keys() + ".");
        }
        if (!seeds.isBlank() && !SEEDS.contains(seeds)) {
            throw new UsageException("seeds is one of " + String.join(", ", SEEDS) + ", not \"" + seeds + "\".");
        }
        if (offset < 0 || limit < 0) {
            throw new UsageException("Offset and limit of a list must be 0 or more.");
        }
        if (Double.isNaN(minDensity) || Double.isNaN(maxDensity) || Double.isNaN(minScore)) {
            throw new UsageException("The bounds of density and score must be numbers.");
        }
    }

    /** All living features by number. */
    public static FeatureQuery all() {
        return new FeatureQuery("id", false, "", "", "", "", 0, 1, false, 0, 0, 0);
    }

    /** The same in another order. */
    public FeatureQuery sortedBy(String newSort, boolean newDescending) {
        return new FeatureQuery(
                newSort,
                newDescending,
                text,
                language,
                group,
                seeds,
                minDensity,
                maxDensity,
                dead,
                offset,
                limit,
                minScore);
    }

    /** The same with a text to find and a language (blank for all). */
    public FeatureQuery filtered(String newText, String newLanguage) {
        return new FeatureQuery(
                sort,
                descending,
                newText,
                newLanguage,
                group,
                seeds,
                minDensity,
                maxDensity,
                dead,
                offset,
                limit,
                minScore);
    }

    /** The same within a group of features, by its key (blank for all). */
    public FeatureQuery grouped(String newGroup) {
        return new FeatureQuery(
                sort,
                descending,
                text,
                language,
                newGroup,
                seeds,
                minDensity,
                maxDensity,
                dead,
                offset,
                limit,
                minScore);
    }

    /** The same with only features found in all, some or none of the other seeds (blank for every one). */
    public FeatureQuery inSeeds(String newSeeds) {
        return new FeatureQuery(
                sort,
                descending,
                text,
                language,
                group,
                newSeeds,
                minDensity,
                maxDensity,
                dead,
                offset,
                limit,
                minScore);
    }

    /** Whether a latent is found in as many other seeds as asked for; without other seeds nothing is. */
    boolean inSeeds(int id, @Nullable SeedStability stability) {
        if (seeds.isBlank()) {
            return true;
        }
        if (stability == null || id >= stability.found().length) {
            return false;
        }
        int found = stability.found()[id];
        return switch (seeds) {
            case "all" -> found == stability.others();
            case "none" -> found == 0;
            default -> found > 0 && found < stability.others();
        };
    }

    /** Whether a feature belongs to the group that is asked for. */
    boolean inGroup(FeatureSummary f) {
        return group.isBlank()
                || Arrays.stream(FeatureGroup.values()).anyMatch(g -> g.key().equals(group) && g.holds(f));
    }

    /** The same within other bounds of the density. */
    public FeatureQuery dense(double from, double to) {
        return new FeatureQuery(
                sort, descending, text, language, group, seeds, from, to, dead, offset, limit, minScore);
    }

    /** The same with or without features that never fire. */
    public FeatureQuery withDead(boolean show) {
        return new FeatureQuery(
                sort, descending, text, language, group, seeds, minDensity, maxDensity, show, offset, limit, minScore);
    }

    /** The same with only labels that score at least so much. */
    public FeatureQuery scored(double newMinScore) {
        return new FeatureQuery(
                sort,
                descending,
                text,
                language,
                group,
                seeds,
                minDensity,
                maxDensity,
                dead,
                offset,
                limit,
                newMinScore);
    }

    /** Whether a feature passes every filter but that of its text. */
    boolean passes(FeatureSummary f, @Nullable SeedStability stability) {
        Double score = f.labelScore();
        return (dead || !f.dead())
                && f.density() >= minDensity
                && f.density() <= maxDensity
                && (minScore <= 0 || score != null && score >= minScore)
                && (language.isBlank() || f.topLabel().equals(language))
                && inGroup(f)
                && inSeeds(f.id(), stability);
    }

    /** A page of the same list. */
    public FeatureQuery page(int newOffset, int newLimit) {
        return new FeatureQuery(
                sort,
                descending,
                text,
                language,
                group,
                seeds,
                minDensity,
                maxDensity,
                dead,
                newOffset,
                newLimit,
                minScore);
    }
}
