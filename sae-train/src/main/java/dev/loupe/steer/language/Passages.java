package dev.loupe.steer.language;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.corpus.LanguageLabeler;
import dev.loupe.model.Tokenizer;
import dev.loupe.steer.LanguageIdentifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Short passages of each language, cut at the beginnings of sentences, from held-out and from training documents: at most so
 * many of each document as are needed, spread over it.
 */
final class Passages {
    /** Tokens of a prompt, and of what stands in front where fluency is measured. */
    static final int PROMPT = 16;

    private static final double SURE = 0.9;
    private static final int MOST_TWO = 100;
    private static final int MOST_LEARNT = 40;
    private static final int MOST_CHARACTERS = 4000;
    private static final Pattern SENTENCE = Pattern.compile("(?<=[.!?;]) +(?=\\p{Lu})");

    private final Map<String, List<Document>> training = new LinkedHashMap<>();
    private final Map<String, List<Document>> heldOut = new LinkedHashMap<>();
    private final Tokenizer tokenizer;
    private final LanguageIdentifier identifier;

    /**
     * A passage.
     *
     * @param document name of its document
     * @param language its language
     * @param ids its tokens, as the tokenizer gives them without what it adds
     */
    record Passage(String document, String language, int[] ids) {}

    Passages(DocumentSource source, HeldOut rule, List<String> languages, Tokenizer tokenizer, Progress progress) {
        this.tokenizer = tokenizer;
        languages.forEach(l -> {
            training.put(l, new ArrayList<>());
            heldOut.put(l, new ArrayList<>());
        });
        List<Document> all;
        try (Stream<Document> open = source.open()) {
            all = LanguageLabeler.of(source.languages()).label(open.toList(), progress);
        }
        Map<String, List<String>> texts = new TreeMap<>();
        for (Document d : all) {
            boolean certain = d.confidence() >= SURE && !d.label().equals(Document.UNDETERMINED);
            List<String> known = texts.computeIfAbsent(d.label(), l -> new ArrayList<>());
            if (certain && known.size() < MOST_LEARNT && !rule.test(d.text())) {
                known.add(
                        d.text().substring(0, Math.min(MOST_CHARACTERS, d.text().length())));
            }
            if (training.containsKey(d.label()) && d.confidence() >= SURE) {
                documents(d.label(), rule.test(d.text())).add(d);
            }
        }
        this.identifier = LanguageIdentifier.train(texts);
        for (String l : languages) {
            if (documents(l, false).isEmpty() || documents(l, true).isEmpty()) {
                throw new UsageException("The corpus has " + documents(l, false).size() + " training and "
                        + documents(l, true).size() + " held-out documents in " + l
                        + "; a trial needs both: leave the language out.");
            }
        }
    }

    private List<Document> documents(String language, boolean held) {
        return Objects.requireNonNull((held ? heldOut : training).get(language));
    }

    /** Training documents of a language. */
    List<Document> training(String language) {
        return documents(language, false);
    }

    /** Names languages of short texts; it learnt from training documents in all languages of the corpus. */
    LanguageIdentifier identifier() {
        return identifier;
    }

    /** What the tokenizer puts in front of every text by itself, such as BOS. */
    int[] lead() {
        return tokenizer.encode("");
    }

    /** Pairs of neighbouring whole sentences of different training documents, as tokens of a text to go on from. */
    List<int[]> twoSentences(String language, int count) {
        List<int[]> found = new ArrayList<>();
        for (Document d : training(language)) {
            String[] sentences = SENTENCE.split(d.text());
            for (int i = 1; i + 2 < sentences.length && found.size() < count; i++) {
                int[] ids = tokenizer.encode(sentences[i] + " " + sentences[i + 1] + " ", false);
                if (sentences[i].length() >= 30 && sentences[i + 1].length() >= 30 && ids.length <= MOST_TWO) {
                    found.add(ids);
                    break;
                }
            }
        }
        if (found.isEmpty()) {
            throw new UsageException("The training documents in " + language + " have no two sentences of at most "
                    + MOST_TWO + " tokens.");
        }
        return found;
    }

    /**
     * Passages of exactly so many tokens, taken in turn from the documents; fewer only where the documents have no more.
     *
     * @param fromHeldOut from held-out documents
     * @param skip passages of each document that are passed over, so that two calls give different ones
     */
    List<Passage> some(String language, boolean fromHeldOut, int count, int tokens, int skip) {
        List<List<int[]>> each = new ArrayList<>();
        List<Document> documents = documents(language, fromHeldOut);
        int perDocument = Math.ceilDiv(count, documents.size()) + skip;
        for (Document d : documents) {
            each.add(cut(d.text(), tokens, Math.max(perDocument, skip + 8)));
            if (!fromHeldOut && each.size() >= 4 * count) {
                break;
            }
        }
        List<Passage> chosen = new ArrayList<>();
        for (int round = skip; chosen.size() < count; round++) {
            int before = chosen.size();
            for (int d = 0; d < each.size() && chosen.size() < count; d++) {
                if (round < each.get(d).size()) {
                    chosen.add(new Passage(
                            documents.get(d).name(), language, each.get(d).get(round)));
                }
            }
            if (chosen.size() == before) {
                break;
            }
        }
        if (chosen.isEmpty()) {
            throw new UsageException("The " + (fromHeldOut ? "held-out" : "training") + " documents in " + language
                    + " have no passage of " + tokens + " tokens.");
        }
        return chosen;
    }

    /** Passages that do not overlap, each at the beginning of a sentence. */
    private List<int[]> cut(String text, int tokens, int most) {
        List<int[]> found = new ArrayList<>();
        String[] sentences = SENTENCE.split(text);
        for (int i = 1; i < sentences.length && found.size() < most; ) { // the first may begin in its middle
            StringBuilder joined = new StringBuilder();
            int[] ids = new int[0];
            while (i < sentences.length && ids.length < tokens) {
                joined.append(joined.isEmpty() ? "" : " ").append(sentences[i++]);
                ids = tokenizer.encode(joined.toString(), false);
            }
            if (ids.length >= tokens) {
                found.add(Arrays.copyOf(ids, tokens));
            }
        }
        return found;
    }
}
