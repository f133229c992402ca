package dev.loupe.corpus;

import dev.loupe.base.Checksums;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.Spliterators;
import java.util.TreeSet;
import java.util.stream.Gatherers;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The documents of a corpus that are in some of its languages, in the same order, labelled. Every document is looked at
 * ({@link LanguageLabeler}), which takes the whole demo text about ten seconds of one processor.
 */
final class LanguageFilter implements DocumentSource {
    private static final int BATCH = 1024;

    private final DocumentSource source;
    private final Set<String> wanted;

    private LanguageFilter(DocumentSource source, Set<String> wanted) {
        this.source = source;
        this.wanted = wanted;
    }

    /** @param languages ISO 639-1 codes, separated by commas */
    static LanguageFilter of(DocumentSource source, String languages) {
        Set<String> wanted = new TreeSet<>(Arrays.asList(languages.split(",")));
        for (String language : wanted) {
            if (!source.languages().contains(language)) {
                throw new UsageException("The text " + source.spec() + " has no documents in \"" + language
                        + "\"; it has " + String.join(", ", source.languages()) + ".");
            }
        }
        return new LanguageFilter(source, wanted);
    }

    @Override
    public String spec() {
        return source.spec() + ":" + String.join(",", wanted);
    }

    @Override
    public String describe() {
        return source.describe() + "; those in " + String.join(", ", wanted);
    }

    @Override
    public String fingerprint() {
        return Checksums.sha256(
                (source.fingerprint() + "\n" + String.join(",", wanted) + "\n" + LanguageLabeler.DESCRIPTION)
                        .getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public Stream<Document> open() {
        LanguageLabeler labeler = LanguageLabeler.of(source.languages());
        Stream<Document> all = source.open();
        Iterator<Document> kept = all.gather(Gatherers.windowFixed(BATCH))
                .flatMap(batch -> labeler.label(batch, Progress.silent()).stream())
                .filter(d -> wanted.contains(d.label()))
                .iterator();
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(kept, 0), false)
                .onClose(all::close);
    }

    @Override
    public Set<String> languages() {
        return new TreeSet<>(List.copyOf(source.languages()));
    }
}
