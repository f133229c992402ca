package dev.loupe.steer;

import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.LanguageLabeler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Names the language of a short text with a confidence that can be trusted: naive Bayes over character n-grams of length 1 to
 * 4 (Cavnar and Trenkle, "N-Gram-Based Text Categorization", 1994; add-a-half smoothing), trained on texts of known
 * language. N-grams of one text depend on each other, which makes naive Bayes far too sure; its scores are divided by a
 * temperature that makes the confidences right on texts it was not trained on (Guo et al., arXiv 1706.04599). Immutable.
 */
public final class LanguageIdentifier {
    private static final int BUCKETS = 1 << 17;
    private static final int LONGEST = 4;
    private static final double SMOOTHING = 0.5;
    private static final int PIECE = 120;

    private final List<String> languages;
    private final float[][] logP; // [language][bucket]
    private final double temperature;

    /** A language with how likely it is; all languages together have 1. */
    public record Guess(String language, double confidence) {}

    private LanguageIdentifier(List<String> languages, float[][] logP, double temperature) {
        this.languages = languages;
        this.logP = logP;
        this.temperature = temperature;
    }

    /**
     * The identifier of the built-in corpus, from some documents of each of its languages. Made when it is first asked for; that takes a second or two.
     */
    public static LanguageIdentifier ofEuroparl() {
        return Loaded.EUROPARL;
    }

    private static final class Loaded {
        private static final int DOCUMENTS = 15;
        private static final double SURE = 0.9;

        static final LanguageIdentifier EUROPARL = load();

        private static LanguageIdentifier load() {
            DocumentSource source = Corpora.of(Corpora.EUROPARL, "");
            LanguageLabeler labeler = LanguageLabeler.of(source.languages());
            Map<String, List<String>> texts = new TreeMap<>();
            try (Stream<Document> open = source.open()) {
                List<Document> all = open.toList();
                for (int i = 0;
                        i < all.size() && !enough(texts, source.languages().size());
                        i++) {
                    String text = all.get(i).text();
                    LanguageLabeler.Label label = labeler.label(text);
                    List<String> known = texts.computeIfAbsent(label.language(), l -> new ArrayList<>());
                    boolean certain =
                            label.confidence() >= SURE && !label.language().equals(Document.UNDETERMINED);
                    if (certain && known.size() < DOCUMENTS) {
                        known.add(text.substring(0, Math.min(4000, text.length())));
                    }
                }
            }
            return train(texts);
        }

        private static boolean enough(Map<String, List<String>> texts, int languages) {
            return texts.values().stream().filter(t -> t.size() >= DOCUMENTS).count() >= languages;
        }
    }

    /**
     * Learns. Every fifth text of a language only sets the temperature.
     *
     * @param texts by language, at least two languages with at least two texts each
     */
    public static LanguageIdentifier train(Map<String, List<String>> texts) {
        List<String> languages = texts.entrySet().stream()
                .filter(e -> e.getValue().size() >= 2)
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
        if (languages.size() < 2) {
            throw new UsageException("An identifier of languages needs two texts each of two languages to learn from.");
        }
        float[][] logP = new float[languages.size()][];
        List<int[]> pieces = new ArrayList<>();
        List<Integer> truth = new ArrayList<>();
        for (int l = 0; l < logP.length; l++) {
            List<String> all = texts.getOrDefault(languages.get(l), List.of());
            double[] counts = new double[BUCKETS];
            Arrays.fill(counts, SMOOTHING);
            double sum = SMOOTHING * BUCKETS;
            for (int i = 0; i < all.size(); i++) {
                if (i % 5 == 1) {
                    for (String piece : pieces(all.get(i))) {
                        pieces.add(grams(piece));
                        truth.add(l);
                    }
                    continue;
                }
                for (int g : grams(all.get(i))) {
                    counts[g]++;
                    sum++;
                }
            }
            logP[l] = new float[BUCKETS];
            for (int b = 0; b < BUCKETS; b++) {
                logP[l][b] = (float) Math.log(counts[b] / sum);
            }
        }
        return new LanguageIdentifier(languages, logP, temperature(logP, pieces, truth));
    }

    /** The languages it knows, sorted. */
    public List<String> languages() {
        return languages;
    }

    /** The likeliest language of a text; each is as likely as the others before the text is read. */
    public Guess of(String text) {
        int[] grams = grams(text);
        double[] p = posterior(logP, grams, temperature);
        int best = 0;
        for (int l = 1; l < p.length; l++) {
            best = p[l] > p[best] ? l : best;
        }
        return new Guess(languages.get(best), p[best]);
    }

    private static double temperature(float[][] logP, List<int[]> pieces, List<Integer> truth) {
        double best = 1;
        double least = Double.POSITIVE_INFINITY;
        for (double t = 1; t <= 64; t *= Math.pow(2, 0.25)) {
            double loss = 0;
            for (int i = 0; i < pieces.size(); i++) {
                loss -= Math.log(Math.max(1e-300, posterior(logP, pieces.get(i), t)[truth.get(i)]));
            }
            if (loss < least) {
                least = loss;
                best = t;
            }
        }
        return best;
    }

    private static double[] posterior(float[][] logP, int[] grams, double temperature) {
        double[] p = new double[logP.length];
        double max = Double.NEGATIVE_INFINITY;
        for (int l = 0; l < p.length; l++) {
            for (int g : grams) {
                p[l] += logP[l][g];
            }
            p[l] /= temperature;
            max = Math.max(max, p[l]);
        }
        double sum = 0;
        for (int l = 0; l < p.length; l++) {
            p[l] = Math.exp(p[l] - max);
            sum += p[l];
        }
        for (int l = 0; l < p.length; l++) {
            p[l] /= sum;
        }
        return p;
    }

    private static List<String> pieces(String text) {
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at + PIECE <= text.length() && pieces.size() < 8; at += PIECE) {
            pieces.add(text.substring(at, at + PIECE));
        }
        return pieces;
    }

    /** Buckets of the n-grams of the words, in lower case; digits and signs say nothing about the language. */
    private static int[] grams(String text) {
        String clean = " "
                + text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}']+", " ").strip() + " ";
        int[] found = new int[LONGEST * clean.length()];
        int n = 0;
        for (int at = 0; at < clean.length(); at++) {
            int hash = 17;
            for (int length = 1; length <= LONGEST && at + length <= clean.length(); length++) {
                hash = 31 * hash + clean.charAt(at + length - 1);
                int mixed = (hash ^ length * 0x9E3779B9) * 0x85EBCA6B;
                found[n++] = (mixed ^ mixed >>> 15) & BUCKETS - 1;
                if (length > 1 && clean.charAt(at + length - 1) == ' ') {
                    break; // n-grams end with their word
                }
            }
        }
        return Arrays.copyOf(found, n);
    }
}
