package dev.loupe.bench.fault;

import dev.loupe.base.LoupeException;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.SearchHit;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.FieldInfos;
import org.apache.lucene.index.IndexableField;
import org.apache.lucene.index.MultiTerms;
import org.apache.lucene.index.PostingsEnum;
import org.apache.lucene.index.Terms;
import org.apache.lucene.index.TermsEnum;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.BytesRef;

/**
 * What a search index holds, as values that can be compared. Its files are never the same twice, as Lucene names each segment
 * at random; its documents, its words with their places and its answers are.
 */
final class SearchValues {
    private static final List<String> QUERIES = List.of("vote", "debate closed", "Bericht", "le", "fin", "7");
    private static final int HITS = 50;

    private SearchValues() {}

    /** Whether a folder is one of Lucene's. */
    static boolean is(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(f -> f.getFileName().toString().startsWith("segments_"));
        }
    }

    /**
     * Adds each document, the words of each field, and the answers to some questions.
     *
     * @throws LoupeException if it cannot be read
     */
    static void add(String name, Path folder, Map<String, String> all) {
        try (Directory directory = FSDirectory.open(folder);
                DirectoryReader reader = DirectoryReader.open(directory)) {
            for (int d = 0; d < reader.maxDoc(); d++) {
                Digest digest = new Digest();
                for (IndexableField field : reader.storedFields().document(d)) {
                    digest.add(field.name());
                    digest.add(field.numericValue() == null ? field.stringValue() : "" + field.numericValue());
                }
                all.put(name + "/document " + d, digest.hex());
            }
            for (String field : new TreeSet<>(FieldInfos.getIndexedFields(reader))) {
                all.put(name + "/words of " + field, words(MultiTerms.getTerms(reader, field)));
            }
        } catch (IOException | RuntimeException e) {
            throw new LoupeException("The search index " + folder + " cannot be read (" + e + ").", e);
        }
        Path index = folder.toAbsolutePath().getParent();
        if (index != null && Files.exists(index.resolve("index.json"))) {
            FeatureIndex opened = FeatureIndex.open(index);
            for (String query : QUERIES) {
                Digest digest = new Digest();
                for (SearchHit hit : opened.search(query, HITS)) {
                    digest.add(hit.summary().id() + " " + hit.where() + " " + hit.score());
                }
                all.put(name + "/answer to " + query, digest.hex());
            }
        }
    }

    /** Every word with its documents and places in them. */
    private static String words(Terms terms) throws IOException {
        Digest digest = new Digest();
        TermsEnum each = terms.iterator();
        PostingsEnum places = null;
        for (BytesRef term; (term = each.next()) != null; ) {
            digest.add(Arrays.copyOfRange(term.bytes, term.offset, term.offset + term.length));
            places = each.postings(places, PostingsEnum.ALL);
            while (places.nextDoc() != DocIdSetIterator.NO_MORE_DOCS) {
                digest.add(places.docID() + " " + places.freq());
                for (int i = terms.hasPositions() ? places.freq() : 0; i > 0; i--) {
                    digest.add(Integer.toString(places.nextPosition()));
                }
            }
        }
        return digest.hex();
    }

    private static final class Digest {
        private final MessageDigest sha;

        Digest() {
            try {
                sha = MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e); // every JDK has it
            }
        }

        void add(String text) {
            add(text.getBytes(StandardCharsets.UTF_8));
        }

        void add(byte[] bytes) {
            sha.update(bytes);
            sha.update((byte) 0);
        }

        String hex() {
            return HexFormat.of().formatHex(sha.digest());
        }
    }
}
