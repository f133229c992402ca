package dev.loupe.service;

import dev.loupe.base.UsageException;
import java.util.List;

/**
 * Which features of an SAE to list.
 *
 * @param sort one of {@link #SORTS}
 * @param descending largest first
 * @param text only features whose number, label, top token or top label holds this, case aside; blank for all
 * @param language only features that fire most on documents of this label; blank for all
 * @param minDensity only features at least this dense
 * @param maxDensity only features at most this dense
 * @param dead whether to show features that never fire
 * @param offset how many to leave out at the front
 * @param limit at most so many; 0 for all
 */
public record FeatureQuery(
        String sort,
        boolean descending,
        String text,
        String language,
        double minDensity,
        double maxDensity,
        boolean dead,
        int offset,
        int limit) {
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
            "enc_dec_cosine");

    /** Checks the ranges. */
    public FeatureQuery {
        if (!SORTS.contains(sort)) {
            throw new UsageException(
                    "Features cannot be sorted by \"" + sort + "\"; use one of " + String.join(", ", SORTS) + ".");
        }
        if (offset < 0 || limit < 0) {
            throw new UsageException("Offset and limit of a list must be 0 or more.");
        }
        if (Double.isNaN(minDensity) || Double.isNaN(maxDensity)) {
            throw new UsageException("The bounds of the density must be numbers.");
        }
    }

    /** All living features by number. */
    public static FeatureQuery all() {
        return new FeatureQuery("id", false, "", "", 0, 1, false, 0, 0);
    }

    /** The same in another order. */
    public FeatureQuery sortedBy(String newSort, boolean newDescending) {
        return new FeatureQuery(newSort, newDescending, text, language, minDensity, maxDensity, dead, offset, limit);
    }

    /** The same with a text to find and a language (blank for all). */
    public FeatureQuery filtered(String newText, String newLanguage) {
        return new FeatureQuery(sort, descending, newText, newLanguage, minDensity, maxDensity, dead, offset, limit);
    }

    /** The same within other bounds of the density. */
    public FeatureQuery dense(double from, double to) {
        return new FeatureQuery(sort, descending, text, language, from, to, dead, offset, limit);
    }

    /** The same with or without features that never fire. */
    public FeatureQuery withDead(boolean show) {
        return new FeatureQuery(sort, descending, text, language, minDensity, maxDensity, show, offset, limit);
    }

    /** A page of the same list. */
    public FeatureQuery page(int newOffset, int newLimit) {
        return new FeatureQuery(sort, descending, text, language, minDensity, maxDensity, dead, newOffset, newLimit);
    }
}
