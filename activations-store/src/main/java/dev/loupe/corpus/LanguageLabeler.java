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
 * corpora), restricted to the languages that a corpus can have. The confidence is the detector's probability among
 * those languages; a text whose best language stays below {@value #CERTAIN}, or of which hardly anything points to
 * any of them, is {@code und}.
 *
 * <p>Only the first {@value #PREFIX} characters are looked at: more of a text in one language changes nothing, and
 * the cost of the detector grows with the length.
 */
public final class LanguageLabeler {
    /** What the manifest of a store says about its labels. */
    public static final String DESCRIPTION = "OpenNLP langdetect 1.3.0 (model 183), first 400 characters";

    private static final int PREFIX = 400;
    private static final double CERTAIN = 0.8;
    private static final double RELEVANT = 0.2;
    private static final String MODEL = "/langdetect-183.bin";

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
     * @param confidence probability of the best language among those allowed, 0 to 1
     */
    public record Label(String language, double confidence) {}

    private LanguageLabeler(LanguageDetectorModel model, Set<String> allowed) {
        this.model = model;
        this.allowed = allowed;
    }

    /**
     * Loads the detector (about 10 MB).
     *
     * @param languages the only languages to choose from (ISO 639-1); empty for all that the detector knows
     */
    public static LanguageLabeler of(Collection<String> languages) {
        try (InputStream in = LanguageDetectorModel.class.getResourceAsStream(MODEL)) {
            if (in == null) {
                throw new LoupeException(
                        "The language detector's model is missing from this build; build the project again.");
            }
            return new LanguageLabeler(new LanguageDetectorModel(in), new TreeSet<>(languages));
        } catch (IOException e) {
            throw new LoupeException("The language detector's model is damaged; build the project again.", e);
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
        Map<String, Double> sums = new HashMap<>();
        double total = 0;
        double everything = 0;
        for (Language guess : guesses) {
            String code = ALIASES.getOrDefault(guess.getLang(), guess.getLang());
            String language = TWO_LETTERS.getOrDefault(code, code);
            everything += guess.getConfidence();
            if (allowed.isEmpty() || allowed.contains(language)) {
                total += guess.getConfidence();
                sums.merge(language, guess.getConfidence(), Double::sum);
            }
        }
        String best = Document.UNDETERMINED;
        double highest = 0;
        for (Map.Entry<String, Double> entry : sums.entrySet()) {
            double p = entry.getValue();
            if (p > highest || (p == highest && entry.getKey().compareTo(best) < 0)) {
                best = entry.getKey();
                highest = p;
            }
        }
        double confidence = total > 0 ? Math.min(1, highest / total) : 0;
        boolean certain = confidence >= CERTAIN && total >= RELEVANT * everything;
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
