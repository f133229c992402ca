package dev.loupe.service;

import dev.loupe.feature.FeatureSummary;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** What lists of features can be sorted by. */
final class FeatureSorts {
    private FeatureSorts() {}

    /** The order of a list by one of {@link FeatureQuery#SORTS} but stability, smallest first. */
    static Comparator<FeatureSummary> order(String sort) {
        return switch (sort) {
            case "label" -> Comparator.comparing(FeatureSummary::label);
            case "label_score" -> Comparator.comparingDouble(f -> f.labelScore() == null ? -1 : f.labelScore());
            case "density" -> Comparator.comparingDouble(FeatureSummary::density);
            case "held_out_density" -> Comparator.comparingDouble(FeatureSummary::heldOutDensity);
            case "max" -> Comparator.comparingDouble(FeatureSummary::max);
            case "mean" -> Comparator.comparingDouble(FeatureSummary::mean);
            case "top_token" -> Comparator.comparing(FeatureSummary::topToken);
            case "top_token_share" -> Comparator.comparingDouble(FeatureSummary::topTokenShare);
            case "top_label" -> Comparator.comparing(FeatureSummary::topLabel);
            case "top_label_share" -> Comparator.comparingDouble(FeatureSummary::topLabelShare);
            case "token_r2" -> Comparator.comparingDouble(f -> orLeast(f.tokenR2()));
            case "label_entropy" -> Comparator.comparingDouble(f -> orLeast(f.labelEntropy()));
            case "distinct_tokens" -> Comparator.comparingInt(FeatureSummary::distinctTokens);
            case "contextual" -> Comparator.comparingDouble(FeatureSummary::contextual);
            case "enc_dec_cosine" -> Comparator.comparingDouble(FeatureSummary::encDecCosine);
            default -> Comparator.comparingInt(FeatureSummary::id);
        };
    }

    private static double orLeast(@Nullable Double value) {
        return value == null ? Double.NEGATIVE_INFINITY : value;
    }
}
