package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import opennlp.tools.langdetect.Language;
import opennlp.tools.langdetect.LanguageDetectorME;
import opennlp.tools.langdetect.LanguageDetectorModel;

/**
 * Says in which language a text is, offline: Apache OpenNLP's language detector (103 languages, trained on the Leipzig
 * corpora), restricted to the languages that a corpus can have. The confidence sets the best of them against the
 * runner-up, p1 / (p1 + p2): a half is a coin toss, and the measure does not depend on the length of the text, as the
 * detector's probabilities do (they are nearly equal for a short sentence). Below {@value #CERTAIN}, or where another
 * language altogether is far more likely, the label is {@code und}.
 *
 * <p>Only the first {@value #PREFIX} characters are looked at: more of a text in one language changes nothing, and
 * the cost of the detector grows with the length.
 */
public final class LanguageLabeler {
    /** What the manifest of a store says about its labels. */
    public static final String DESCRIPTION = "OpenNLP langdetect 1.3.0 (model 183), first 400 characters";

    private static final int PREFIX = 400;
    private static final double CERTAIN = 0.6;
    private static final double RELEVANT = 0.2; // of the likeliest of all languages
    private static final String RESOURCE = "/langdetect-183.bin";

    /** Codes of the detector that stand for a part of another language. */
    private static final Map<String, String> ALIASES =
            Map.of("ekk", "est", "lvs", "lav", "plt", "mlg", "pes", "fas", "cmn", "zho", "nob", "nor");

    private static final Map<String, String> TWO_LETTERS = twoLetters();

    private final LanguageDetectorModel model;
    private final Set<String> allowed;

    /**
     * A language with how sure it is.
     *
     * @param language ISO 639-1 (639-3 where there is none), or {@code und}
     * @param confidence of the best allowed language against the runner-up, 0.5 to 1; 0 if there is no choice
     */
    public record Label(String language, double confidence) {}

    private LanguageLabeler(LanguageDetectorModel model, Set<String> allowed) {
        this.model = model;
        this.allowed = allowed;
    }

    /**
     * The labeler for a corpus.
     *
     * @param languages the only languages to choose from (ISO 639-1); empty for all that the detector knows
     */
    public static LanguageLabeler of(Collection<String> languages) {
        return new LanguageLabeler(Loaded.MODEL, new TreeSet<>(languages));
    }

    /** The detector, loaded when it is first needed: most of a second and 10 MB of resources. */
    private static final class Loaded {
        static final LanguageDetectorModel MODEL = load();

        private static LanguageDetectorModel load() {
            try (InputStream in = LanguageDetectorModel.class.getResourceAsStream(RESOURCE)) {
                if (in == null) {
                    throw new LoupeException(
                            "The language detector's model is missing from this build; build the project again.");
                }
                return new LanguageDetectorModel(in);
            } catch (IOException e) {
                throw new LoupeException("The language detector's model is damaged; build the project again.", e);
            }
        }
    }

    /** The language of one text. Safe to call from several threads. */
    public Label label(String text) {
        return label(new LanguageDetectorME(model), text);
    }

    /** Labels documents that have no label yet, on all processors; the others are kept as they are. */
    public List<Document> label(List<Document> documents, Progress progress) {
        Document[] labelled = new Document[documents.size()];
        int parts = Math.max(
                1, Math.min(documents.size() / 16, 4 * Runtime.getRuntime().availableProcessors()));
        IntStream.range(0, parts).parallel().forEach(part -> {
            LanguageDetectorME detector = new LanguageDetectorME(model); // one per thread: it is not thread-safe
            for (int i = part; i < labelled.length; i += parts) {
                progress.check();
                Document document = documents.get(i);
                if (document.label().isEmpty()) {
                    Label label = label(detector, document.text());
                    document = document.labelled(label.language(), label.confidence());
                }
                labelled[i] = document;
            }
        });
        return List.of(labelled);
    }

    private Label label(LanguageDetectorME detector, String text) {
        Language[] guesses = detector.predictLanguages(prefix(text));
        Map<String, Double> all = new HashMap<>();
        for (Language guess : guesses) {
            String code = ALIASES.getOrDefault(guess.getLang(), guess.getLang());
            all.merge(TWO_LETTERS.getOrDefault(code, code), guess.getConfidence(), Double::sum);
        }
        double likeliest = all.values().stream().mapToDouble(p -> p).max().orElse(0);
        String best = Document.UNDETERMINED;
        double first = 0;
        double second = 0;
        for (Map.Entry<String, Double> entry : all.entrySet()) {
            double p = entry.getValue();
            if (!allowed.isEmpty() && !allowed.contains(entry.getKey())) {
                continue;
            }
            if (p > first || (p == first && entry.getKey().compareTo(best) < 0)) {
                second = first;
                first = p;
                best = entry.getKey();
            } else {
                second = Math.max(second, p);
            }
        }
        double confidence = first > 0 ? first / (first + second) : 0;
        boolean certain = confidence >= CERTAIN && first >= RELEVANT * likeliest;
        return new Label(certain ? best : Document.UNDETERMINED, confidence);
    }

    private static String prefix(String text) {
        if (text.length() <= PREFIX) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(PREFIX - 1)) ? PREFIX - 1 : PREFIX;
        return text.substring(0, end);
    }

    private static Map<String, String> twoLetters() {
        Map<String, String> map = new HashMap<>();
        Arrays.stream(Locale.getISOLanguages())
                .forEach(code -> map.put(Locale.of(code).getISO3Language(), code));
        return Map.copyOf(map);
    }
}
