package dev.loupe.feature;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.math.Parallel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

    /** Latents that are read at once. */
    private static final int GROUP = 256;

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

    private static void fill(Directory directory, FeatureIndex index) throws IOException {
        IndexWriterConfig config = new IndexWriterConfig(SearchTerms.ANALYZER);
        config.setRAMBufferSizeMB(64);
        try (IndexWriter writer = new IndexWriter(directory, config)) {
            int[] ids = index.all().stream()
                    .filter(s -> !s.dead())
                    .mapToInt(FeatureSummary::id)
                    .toArray();
            Document[] group = new Document[Math.min(GROUP, ids.length)];
            for (int from = 0; from < ids.length; from += GROUP) { // read on all cores, added in order
                int first = from;
                int count = Math.min(GROUP, ids.length - from);
                Parallel.run(count, k -> group[k] = document(index.detail(ids[first + k])));
                for (int k = 0; k < count; k++) {
                    writer.addDocument(group[k]);
                }
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
