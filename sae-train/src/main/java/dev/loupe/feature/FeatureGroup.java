package dev.loupe.feature;

import dev.loupe.corpus.Document;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Predicate;

/** Kinds of latents that people look for first, by what the index knows about each. */
public enum FeatureGroup {
    /** Fires on many different tokens, four times in five in one language. */
    ONE_LANGUAGE(
            "one language",
            "at least 80 % of its firings under one document label, on at least 10 different tokens",
            f -> labelled(f) && f.topLabelShare() >= 0.8 && f.distinctTokens() >= 10),
    /** The same meaning in several languages, perhaps: not confined to a language, and choosy about words in several. */
    CROSS_LINGUAL(
            "cross-lingual",
            "in many languages (see there), and in at least 5 of them choosy about that language's own words: two firings"
                    + " are on the same word ten times as often as two places are",
            f -> everywhere(f) && f.selectiveLabels() != null && f.selectiveLabels() >= 5),
    /** The weaker half of that: what fires on anything is in this list, too. */
    MANY_LANGUAGES(
            "in many languages",
            "at least 5 document labels, none with over 40 % of its firings, on at least 10 different tokens; what fires"
                    + " at random is in this list, too",
            FeatureGroup::everywhere),
    /** Where a token stands or how it is written, not what it means. */
    POSITION_OR_FORMAT(
            "position or format",
            "half of its firings at the first 4 positions, or its label is a class of characters",
            f -> f.firstPositions() >= 0.5 || f.rule() == LabelRule.CHARACTERS),
    /** Does what a look at the token alone could do. */
    SINGLE_TOKEN("single token", "80 % of its activation on one token", f -> f.topTokenShare() >= 0.8);

    private final String title;
    private final String meaning;
    private final Predicate<FeatureSummary> test;

    FeatureGroup(String title, String meaning, Predicate<FeatureSummary> test) {
        this.title = title;
        this.meaning = meaning;
        this.test = test;
    }

    /** A few words for people. */
    public String title() {
        return title;
    }

    /** The rule in words. */
    public String meaning() {
        return meaning;
    }

    /** What addresses and requests call it, for example {@code cross-lingual}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether a latent belongs to it; one that never fires belongs to none. */
    public boolean holds(FeatureSummary f) {
        return !f.dead() && test.test(f);
    }

    /** The keys of all groups. */
    public static String keys() {
        return String.join(", ", Arrays.stream(values()).map(FeatureGroup::key).toList());
    }

    private static boolean everywhere(FeatureSummary f) {
        return labelled(f) && f.labels() >= 5 && f.topLabelShare() <= 0.4 && f.distinctTokens() >= 10;
    }

    private static boolean labelled(FeatureSummary f) {
        return !f.topLabel().isEmpty() && !f.topLabel().equals(Document.UNDETERMINED);
    }
}
