package dev.loupe.feature;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Rules about what stands around a token: what comes next, which n-grams it belongs to, what the decoder promotes. */
final class Patterns {
    private static final int SAMPLE = 2048;
    private static final int NGRAMS_LOOKED_AT = 24;
    private static final int NGRAMS_KEPT = 5;

    /** Bits of a token's number: three of them and that of the window make one long. */
    private static final int TOKEN_BITS = 20;

    /** Log-odds of an n-gram where the latent fires against elsewhere. */
    private static final double LOG_ODDS = 3;

    /** Windows around a token: offsets from it. */
    private static final int[][] WINDOWS = {{-1, 0}, {0, 1}, {-2, -1, 0}, {-1, 0, 1}, {-2, 0}};

    private final LatentText latent;
    private final RuleText text;
    private final Vocabulary vocabulary;
    private final int[] sample;

    Patterns(LatentText latent, Vocabulary vocabulary) {
        this.latent = latent;
        this.text = latent.text();
        this.vocabulary = vocabulary;
        int[] fired = latent.trainPlaces();
        int n = Math.min(SAMPLE, fired.length);
        sample = new int[n];
        for (int k = 0; k < n; k++) {
            sample[k] = fired[(int) ((long) k * fired.length / n)];
        }
    }

    private double sampleSum() {
        double sum = 0;
        for (int p : sample) {
            sum += latent.value(p);
        }
        return sum;
    }

    /** A set of tokens at an offset from the place; each with the mean activation there in training. */
    LabelCandidate tokens(String kind, String name, int[] ids, int away) {
        double covered = 0;
        Map<Integer, double[]> sums = new HashMap<>();
        for (int id : ids) {
            sums.put(id, new double[1]);
        }
        for (int p : latent.trainPlaces()) {
            double[] sum = sums.get(text.token(p, away));
            if (sum != null) {
                sum[0] += latent.value(p);
                covered += latent.value(p);
            }
        }
        RuleScore score = new RuleScore(latent);
        Map<Integer, Double> means = new HashMap<>();
        for (int id : ids) {
            double[] sum = sums.getOrDefault(id, new double[1]);
            double mean = sum[0] / Math.max(1, text.trainCount(id));
            means.put(id, mean);
            for (int e = text.from(id, true); e < text.to(id, true); e++) {
                int stands = text.at(e, true);
                if (away == 0 || text.token(stands, -away) >= 0) {
                    score.add(stands - away, mean, true);
                }
            }
        }
        List<String> patterns = means.entrySet().stream()
                .filter(m -> m.getValue() > 0)
                .sorted(Map.Entry.<Integer, Double>comparingByValue()
                        .reversed()
                        .thenComparing(Map.Entry.comparingByKey()))
                .limit(12)
                .map(m -> String.format(Locale.ROOT, "%s → %.2f", vocabulary.quoted(m.getKey()), m.getValue()))
                .toList();
        return score.candidate(kind, name, patterns, covered / latent.trainSum());
    }

    /** The token or word that comes next after most of the activation; null if none carries a third of it. */
    @Nullable LabelCandidate next() {
        Masses mass = new Masses();
        for (int p : sample) {
            int next = text.token(p, 1);
            if (next >= 0) {
                mass.add(next, latent.value(p));
            }
        }
        Masses byWord = new Masses();
        Vocabulary.Groups words = vocabulary.words();
        for (int e = 0; e < mass.size(); e++) {
            int word = words.of((int) mass.key(e));
            if (word >= 0) {
                byWord.add(word, mass.sum(e));
            }
        }
        int token = mass.largest();
        int word = byWord.largest();
        double all = sampleSum();
        if (token < 0 || Math.max(mass.sum(token), word < 0 ? 0 : byWord.sum(word)) < all / 3) {
            return null;
        }
        double ofToken = mass.sum(token);
        double ofWord = word < 0 ? 0 : byWord.sum(word);
        boolean several = ofWord > 1.1 * ofToken;
        int[] ids = several ? words.tokens((int) byWord.key(word)) : new int[] {(int) mass.key(token)};
        long base = Arrays.stream(ids).mapToLong(text::trainCount).sum();
        double share = (several ? ofWord : ofToken) / all;
        double usual = (double) base / Math.max(1, text.size() - text.heldOutCount());
        if (share / Math.max(1e-9, 1 - share) < 4 * usual / Math.max(1e-9, 1 - usual)) {
            return null; // no more than text at large
        }
        String name = several
                ? "before “" + words.name((int) byWord.key(word)) + "” any case"
                : "before " + vocabulary.quoted((int) mass.key(token));
        return tokens(LabelCandidate.NEXT, name, ids, 1);
    }

    /** The tokens that the decoder row promotes, as a claim about what comes next. */
    LabelCandidate logits(int[] promoted) {
        String name = "say "
                + Arrays.stream(promoted).limit(3).mapToObj(vocabulary::quoted).collect(Collectors.joining(", "));
        return tokens(LabelCandidate.LOGITS, name, promoted, 1);
    }

    /** Some tokens around a place, and how much of the sample's activation is there. */
    private record NGram(int window, int[] tokens, int count, double mass) {
        /** Makes an order of those with equal activation. */
        String order() {
            return "NGram[window=" + window + ", tokens=" + Arrays.toString(tokens) + "]";
        }
    }

    private record Found(NGram ngram, int places, int fired, double sum, double logOdds) {
        double mean() {
            return sum / Math.max(1, places);
        }
    }

    /** N-grams at the firing token that stand there far more often than elsewhere; null if there are none. */
    @Nullable LabelCandidate ngrams() {
        if (vocabulary.size() > 1 << TOKEN_BITS) {
            return null;
        }
        Masses mass = new Masses();
        for (int p : sample) {
            for (int w = 0; w < WINDOWS.length; w++) {
                long key = key(p, w);
                if (key >= 0) {
                    mass.add(key, latent.value(p));
                }
            }
        }
        double all = sampleSum();
        List<NGram> heavy = new ArrayList<>();
        for (int e = 0; e < mass.size(); e++) {
            if (mass.sum(e) >= 0.02 * all) {
                heavy.add(ngram(mass.key(e), mass.count(e), mass.sum(e)));
            }
        }
        heavy.sort(Comparator.comparingDouble((NGram n) -> -n.mass()).thenComparing(NGram::order));
        List<Found> found = new ArrayList<>();
        heavy.stream()
                .limit(NGRAMS_LOOKED_AT)
                .map(this::count)
                .filter(f -> f.logOdds() >= LOG_ODDS && f.places() >= 3)
                .filter(f -> found.stream().noneMatch(shorter -> contains(f.ngram(), shorter.ngram())))
                .limit(NGRAMS_KEPT)
                .forEach(found::add);
        if (found.isEmpty()) {
            return null;
        }
        double covered = 0;
        for (int p : latent.trainPlaces()) {
            covered += match(found, p) == null ? 0 : latent.value(p);
        }
        RuleScore score = new RuleScore(latent);
        int[] starts =
                found.stream().mapToInt(f -> current(f.ngram())).distinct().toArray();
        for (int token : starts) {
            for (int e = text.from(token, true); e < text.to(token, true); e++) {
                Found f = match(found, text.at(e, true));
                if (f != null) {
                    score.add(text.at(e, true), f.mean(), f.fired() * 2 >= f.places());
                }
            }
        }
        List<String> patterns = found.stream()
                .map(f -> String.format(
                        Locale.ROOT,
                        "%s: fires on %d of %d, log-odds %.1f",
                        words(f.ngram()),
                        f.fired(),
                        f.places(),
                        f.logOdds()))
                .toList();
        String name = found.stream().limit(3).map(f -> words(f.ngram())).collect(Collectors.joining(", "));
        return score.candidate(LabelCandidate.NGRAMS, name, patterns, covered / latent.trainSum());
    }

    /** The tokens of a window around a place as one number, or -1 where one of them is missing. */
    private long key(int place, int window) {
        long key = window;
        for (int away : WINDOWS[window]) {
            int t = text.token(place, away);
            if (t < 0) {
                return -1;
            }
            key = key << TOKEN_BITS | t;
        }
        return WINDOWS[window].length == 2 ? key << TOKEN_BITS : key;
    }

    private static NGram ngram(long key, int count, double mass) {
        int window = (int) (key >> 3 * TOKEN_BITS);
        int[] tokens = new int[WINDOWS[window].length];
        for (int k = 0; k < tokens.length; k++) {
            tokens[k] = (int) (key >> (2 - k) * TOKEN_BITS) & (1 << TOKEN_BITS) - 1;
        }
        return new NGram(window, tokens, count, mass);
    }

    /** The token at offset 0. */
    private static int current(NGram ngram) {
        int[] window = WINDOWS[ngram.window()];
        for (int k = 0; k < window.length; k++) {
            if (window[k] == 0) {
                return ngram.tokens()[k];
            }
        }
        throw new IllegalStateException();
    }

    /** Whether one n-gram says everything that another says. */
    private static boolean contains(NGram longer, NGram shorter) {
        int[] window = WINDOWS[longer.window()];
        int[] part = WINDOWS[shorter.window()];
        for (int k = 0; k < part.length; k++) {
            int away = part[k];
            int token = shorter.tokens()[k];
            boolean there = false;
            for (int j = 0; j < window.length; j++) {
                there |= window[j] == away && longer.tokens()[j] == token;
            }
            if (!there) {
                return false;
            }
        }
        return true;
    }

    private boolean matches(NGram ngram, int place) {
        int[] window = WINDOWS[ngram.window()];
        for (int k = 0; k < window.length; k++) {
            if (text.token(place, window[k]) != ngram.tokens()[k]) {
                return false;
            }
        }
        return true;
    }

    /** The first n-gram at a place, those with more activation first. */
    private @Nullable Found match(List<Found> found, int place) {
        for (Found f : found) {
            if (matches(f.ngram(), place)) {
                return f;
            }
        }
        return null;
    }

    private Found count(NGram ngram) {
        int token = current(ngram);
        int from = text.from(token, false);
        int step = Math.max(1, text.trainCount(token) / SAMPLE);
        int seen = 0;
        for (int e = from; e < text.to(token, false); e += step) {
            seen += matches(ngram, text.at(e, false)) ? 1 : 0;
        }
        // both are counted on a spread of places where there are many
        double scale = (double) latent.trainPlaces().length / sample.length;
        int fired = (int) Math.round(ngram.count() * scale);
        int places = Math.max(seen * step, fired);
        double sum = ngram.mass() * scale;
        double all = text.size() - text.heldOutCount();
        double firings = latent.trainPlaces().length;
        double inside = (fired + 0.5) / (firings - fired + 0.5);
        double outside = (places - fired + 0.5) / (all - firings - (places - fired) + 0.5);
        return new Found(ngram, places, fired, sum, Math.log(inside / outside));
    }

    private String words(NGram ngram) {
        StringBuilder all = new StringBuilder("“");
        int[] window = WINDOWS[ngram.window()];
        for (int k = 0; k < window.length; k++) {
            all.append(k > 0 && window[k] - window[k - 1] > 1 ? " ∗" : "");
            String token = vocabulary.quoted(ngram.tokens()[k]);
            all.append(token, 1, token.length() - 1);
        }
        return all.append("”").toString();
    }
}
