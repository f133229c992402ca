package dev.loupe.feature;

import dev.loupe.feature.TokenCounts.Entry;
import dev.loupe.feature.Vocabulary.CharacterClass;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Names latents by rules, without any language model: the most specific rule that covers enough of the activation on
 * training documents wins, and is then scored on held-out documents. (The order follows the decision list that people
 * give to language models for the same purpose: first the token, then its context, then classes.)
 */
final class Labeller {
    private static final double TOKEN_SHARE = 0.5;
    private static final double WORD_GAIN = 0.1;
    private static final double AFTER_SHARE = 0.5;
    private static final double ENDING_SHARE = 0.6;
    private static final double CLASS_SHARE = 0.75;
    private static final double DOCUMENT_SHARE = 0.7;

    /** A broad rule must cover the latent this much better, in odds, than it covers text at large. */
    private static final double ODDS = 4;

    private final Vocabulary vocabulary;
    private final Totals totals;
    private final Map<CharacterClass, boolean[]> classes = new LinkedHashMap<>();

    Labeller(Vocabulary vocabulary, Totals totals) {
        this.vocabulary = vocabulary;
        this.totals = totals;
        for (CharacterClass c : CharacterClass.values()) {
            classes.put(c, vocabulary.flags(vocabulary.ofClass(c)));
        }
    }

    /**
     * A label, how it was made and how its rule does on held-out documents.
     *
     * @param ids tokens that the rule names; empty where it names none
     * @param before whether those stand before the token it fires on
     */
    record Label(String text, LabelRule rule, @Nullable LabelScore score, int[] ids, boolean before) {
        Label(String text, LabelRule rule, @Nullable LabelScore score) {
            this(text, rule, score, new int[0], false);
        }
    }

    Label label(@Nullable LatentStats s) {
        if (s == null) {
            return new Label("never active", LabelRule.DEAD, null);
        }
        Entry[] tokens = s.tokens.entries();
        Entry[] previous = s.previous.entries();
        double train = s.sum - s.heldOutSum;
        if (!(train > 0)) {
            return new Label(topTokens(tokens, 3), LabelRule.TOKENS, null);
        }
        Label label = tokenOrWord(s, tokens, train);
        label = label != null ? label : after(s, previous, train);
        label = label != null ? label : ending(s, tokens, train);
        label = label != null ? label : characters(s, tokens, train);
        label = label != null ? label : documents(s, tokens, train);
        return label != null ? label : new Label(topTokens(tokens, 3), LabelRule.TOKENS, null);
    }

    /** One token, or the word in all its spellings where they carry clearly more than one of them. */
    private @Nullable Label tokenOrWord(LatentStats s, Entry[] tokens, double train) {
        Entry token = strongestInTraining(tokens);
        double share = token == null ? 0 : token.trainSum() / train;
        Vocabulary.Groups words = vocabulary.words();
        int word = heaviest(words, tokens, Math.max(TOKEN_SHARE, share + WORD_GAIN) * train, 2);
        if (word >= 0) {
            String name = "“" + words.name(word) + "” any case";
            return of(LabelRule.WORD, name, s, train, tokens, words.tokens(word), false);
        }
        if (token == null || share < TOKEN_SHARE) {
            return null;
        }
        String name = vocabulary.quoted(token.token());
        return of(LabelRule.TOKEN, name, s, train, tokens, new int[] {token.token()}, false);
    }

    private @Nullable Label after(LatentStats s, Entry[] previous, double train) {
        Entry best = strongestInTraining(previous);
        if (best == null || best.trainSum() < AFTER_SHARE * train) {
            return null;
        }
        String name = vocabulary.isSpecial(best.token())
                ? "at the start of the text"
                : "after " + vocabulary.quoted(best.token());
        return of(LabelRule.AFTER, name, s, train, previous, new int[] {best.token()}, true);
    }

    private @Nullable Label ending(LatentStats s, Entry[] tokens, double train) {
        for (int letters = Vocabulary.LONGEST_ENDING; letters >= 2; letters--) {
            Vocabulary.Groups endings = vocabulary.endings(letters);
            int best = heaviest(endings, tokens, ENDING_SHARE * train, 3);
            if (best >= 0) {
                return of(LabelRule.ENDING, "…" + endings.name(best), s, train, tokens, endings.tokens(best), false);
            }
        }
        return null;
    }

    /** The group that carries most of the activation in training, or -1 if that is too little or of too few tokens. */
    private int heaviest(Vocabulary.Groups groups, Entry[] tokens, double least, int variety) {
        Masses mass = new Masses();
        for (Entry e : tokens) {
            int group = groups.of(e.token());
            if (group >= 0 && e.trainSum() > 0) {
                mass.add(group, e.trainSum());
            }
        }
        int best = mass.largest();
        return best >= 0 && mass.sum(best) >= least && mass.count(best) >= variety ? (int) mass.key(best) : -1;
    }

    private @Nullable Label characters(LatentStats s, Entry[] tokens, double train) {
        for (Map.Entry<CharacterClass, boolean[]> c : classes.entrySet()) {
            boolean[] member = c.getValue();
            double share = Arrays.stream(tokens)
                            .filter(e -> member[e.token()])
                            .mapToDouble(Entry::trainSum)
                            .sum()
                    / train;
            int[] ids = vocabulary.ofClass(c.getKey());
            long all = totals.rows - totals.heldOutRows;
            long inClass = Arrays.stream(ids)
                    .mapToLong(id -> (long) totals.tokens[id] - totals.tokensHeldOut[id])
                    .sum();
            if (share >= CLASS_SHARE && odds(share) >= ODDS * odds((double) inClass / all)) {
                return of(LabelRule.CHARACTERS, c.getKey().plural, s, train, tokens, ids, false);
            }
        }
        return null;
    }

    private @Nullable Label documents(LatentStats s, Entry[] tokens, double train) {
        int best = -1;
        for (int l = 0; l < s.sumByLabel.length; l++) {
            best = best < 0 || s.sumByLabel[l] > s.sumByLabel[best] ? l : best;
        }
        if (best < 0 || totals.labels().get(best).isEmpty() || s.sumByLabel[best] < DOCUMENT_SHARE * train) {
            return null;
        }
        long all = totals.rows - totals.heldOutRows;
        double usual = (double) (totals.labelTokens[best] - totals.labelTokensHeldOut[best]) / all;
        double share = s.sumByLabel[best] / train;
        if (odds(share) < ODDS * odds(usual)) {
            return null;
        }
        LabelScore score =
                score(share, s, s.heldOutSumByLabel[best], s.byLabelHeldOut[best], totals.labelTokensHeldOut[best]);
        String name = displayName(totals.labels().get(best)) + percent(score) + ": " + topTokens(tokens, 2);
        return new Label(name, LabelRule.DOCUMENTS, score);
    }

    private Label of(
            LabelRule rule, String name, LatentStats s, double train, Entry[] entries, int[] ids, boolean before) {
        boolean[] member = vocabulary.flags(ids);
        double trainSum = 0;
        double heldOutSum = 0;
        long heldOutFired = 0;
        for (Entry e : entries) {
            if (member[e.token()]) {
                trainSum += e.trainSum();
                heldOutSum += e.heldOutSum();
                heldOutFired += e.heldOutFired();
            }
        }
        LabelScore score = score(trainSum / train, s, heldOutSum, heldOutFired, totals.heldOut(ids, before));
        return new Label(name + percent(score), rule, score, ids, before);
    }

    /** Scores a rule on held-out tokens; null if the latent fires on none. */
    private @Nullable LabelScore score(double trainShare, LatentStats s, double covered, long hits, long underRule) {
        if (s.heldOutFired == 0) {
            return null;
        }
        double recall = (double) hits / s.heldOutFired;
        long silent = totals.heldOutRows - s.heldOutFired;
        double leftAlone = silent == 0 ? 1 : 1 - (double) (underRule - hits) / silent;
        return new LabelScore(
                trainShare,
                covered / s.heldOutSum,
                recall,
                underRule == 0 ? null : (double) hits / underRule,
                (recall + leftAlone) / 2,
                s.heldOutFired,
                totals.heldOutRows);
    }

    static String percent(@Nullable LabelScore score) {
        return score == null ? "" : String.format(Locale.ROOT, " %.0f %%", 100 * score.coverage());
    }

    private String topTokens(Entry[] tokens, int count) {
        return Arrays.stream(TokenCounts.strongest(tokens, count))
                .map(e -> vocabulary.quoted(e.token()))
                .collect(Collectors.joining(", "));
    }

    private static @Nullable Entry strongestInTraining(Entry[] entries) {
        Entry best = null;
        for (Entry e : entries) {
            best = best == null || e.trainSum() > best.trainSum() ? e : best;
        }
        return best;
    }

    private static double odds(double share) {
        return share / Math.max(1e-9, 1 - share);
    }

    /** The English name of a language code; other labels stay as they are. */
    static String displayName(String label) {
        if (label.length() != 2) {
            return label;
        }
        String name = Locale.of(label).getDisplayLanguage(Locale.ENGLISH);
        return name.isEmpty() ? label : name;
    }
}
