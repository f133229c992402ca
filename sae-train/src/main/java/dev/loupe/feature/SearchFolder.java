package dev.loupe.feature;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.math.Parallel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.store.ByteBuffersDirectory;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;

/**
 * The search index of one feature index, by Lucene: one document per living latent, which keeps what a list of hits says, so
 * that no table is read for it. Beside the tables in the folder {@value #NAME}; an older feature index that lacks it is
 * indexed in memory when it is first searched.
 */
final class SearchFolder {
    static final String NAME = "search";

    static final String ID = "id";
    static final String NUMBER = "number";
    static final String LABEL = "label";
    static final String TOKEN = "token";
    static final String WHOLE = "whole";
    static final String RULES = "rules";
    static final String LOGITS = "logits";
    static final String TEXT = "text";

    /** Parts of the index that are made side by side, and latents that are worth one. */
    private static final int MOST_PARTS = 8;

    private static final int LEAST_OF_A_PART = 512;

    /** Tokens on either side of a peak that are searched. */
    private static final int AROUND = 6;

    /** Kept, so that its level is: at its start the library tells everyone which vectors it uses. */
    private static final Logger LIBRARY = Logger.getLogger("org.apache.lucene");

    static {
        LIBRARY.setLevel(Level.WARNING);
    }

    private SearchFolder() {}

    /** Writes the search index into the folder of a finished feature index that is not published yet. */
    static void write(Path folder, FeatureIndex index) {
        try (Directory directory = FSDirectory.open(Files.createDirectories(folder.resolve(NAME)))) {
            fill(directory, index);
        } catch (IOException e) {
            throw AtomicFiles.failure(folder.resolve(NAME), e);
        }
    }

    /** Opens it, or makes one in memory. */
    static Directory open(Path folder, FeatureIndex index) {
        try {
            if (Files.isDirectory(folder.resolve(NAME))) {
                return FSDirectory.open(folder.resolve(NAME));
            }
            Directory memory = new ByteBuffersDirectory();
            fill(memory, index);
            return memory;
        } catch (IOException e) {
            throw new LoupeException(
                    "The search index " + folder.resolve(NAME) + " cannot be read (" + e.getMessage()
                            + "): build the feature index again with loupe index.",
                    e);
        }
    }

    /** Parts are indexed side by side and put together as they are: one segment each, latents in their order. */
    private static void fill(Directory directory, FeatureIndex index) throws IOException {
        int[] ids = index.all().stream()
                .filter(s -> !s.dead())
                .mapToInt(FeatureSummary::id)
                .toArray();
        int parts = Math.clamp(ids.length / LEAST_OF_A_PART, 1, MOST_PARTS);
        Directory[] made = new Directory[parts];
        Parallel.run(parts, p -> {
            made[p] = new ByteBuffersDirectory();
            int from = (int) ((long) ids.length * p / parts);
            int to = (int) ((long) ids.length * (p + 1) / parts);
            try {
                fill(made[p], index, Arrays.copyOfRange(ids, from, to));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        IndexWriterConfig config = new IndexWriterConfig(SearchTerms.ANALYZER);
        config.setMergePolicy(NoMergePolicy.INSTANCE);
        try (IndexWriter writer = new IndexWriter(directory, config)) {
            writer.addIndexes(made);
        }
        for (Directory part : made) {
            part.close();
        }
    }

    private static void fill(Directory directory, FeatureIndex index, int[] ids) throws IOException {
        IndexWriterConfig config = new IndexWriterConfig(SearchTerms.ANALYZER);
        config.setRAMBufferSizeMB(64);
        try (IndexWriter writer = new IndexWriter(directory, config)) {
            for (int id : ids) {
                writer.addDocument(document(index.detail(id)));
            }
            writer.forceMerge(1);
        }
    }

    /** What is searched and kept of a latent. */
    static Document document(FeatureDetail f) {
        Document d = new Document();
        d.add(new StoredField(ID, f.summary().id()));
        d.add(new StringField(NUMBER, Integer.toString(f.summary().id()), Field.Store.NO));
        d.add(new TextField(LABEL, f.summary().label() + " " + f.summary().topLabel(), Field.Store.NO));
        for (TokenRate t : f.tokenRates()) {
            d.add(new TextField(TOKEN, t.text(), Field.Store.NO));
            d.add(new StringField(WHOLE, cut(SearchTerms.whole(t.text())), Field.Store.YES));
        }
        for (LabelCandidate c : f.labels()) {
            d.add(new TextField(RULES, c.text() + " " + String.join(" ", c.patterns()), Field.Store.YES));
        }
        for (TokenLogit t : f.promoted()) {
            d.add(new TextField(LOGITS, t.text(), Field.Store.YES));
        }
        for (Example e : f.examples()) {
            d.add(new TextField(TEXT, window(e), Field.Store.YES));
        }
        return d;
    }

    /** The text around the peak of an example. */
    static String window(Example e) {
        List<String> tokens = e.tokens()
                .subList(Math.max(0, e.peak() - AROUND), Math.min(e.tokens().size(), e.peak() + AROUND + 1));
        return tokens.stream().collect(Collectors.joining());
    }

    static String cut(String text) {
        return text.length() > 200 ? text.substring(0, 200) : text;
    }
}
