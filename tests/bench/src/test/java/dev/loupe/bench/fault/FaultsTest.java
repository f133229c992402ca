package dev.loupe.bench.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The faults in small: one process killed, and what the comparison sees. */
class FaultsTest {
    @TempDir
    Path folder;

    @Test
    void aKilledStageDoneAgainLeavesWhatAnUndisturbedOneLeaves() throws Exception {
        Faults faults =
                new Faults(folder, 3, System.nanoTime() + Duration.ofMinutes(10).toNanos(), 0);
        faults.prepare();
        List<Faults.Row> rows = faults.run("compare", Map.of("kill -9", 1), w -> {});
        assertThat(rows).hasSize(1);
        assertThat(rows.getFirst().runs()).isOne();
        assertThat(rows.getFirst().wrong()).isEmpty();
        assertThat(rows.getFirst().equal()).isOne();
        assertThat(faults.notes()).anyMatch(n -> n.startsWith("compare"));
    }

    @Test
    void aValueThatDiffersIsSeen() {
        assertThat(Fingerprint.difference(Map.of("a", "1", "b", "2"), Map.of("a", "1", "b", "3", "c", "4")))
                .isEqualTo(Set.of("b", "c"));
    }

    @Test
    void searchIndexesAreComparedByWhatTheyHold() throws IOException {
        Path first = search("first", "the vote", "the debate");
        Path same = search("same", "the vote", "the debate");
        Path other = search("other", "the vote", "the debates");
        assertThat(SearchValues.is(first)).isTrue();
        assertThat(SearchValues.is(folder)).isFalse();
        Map<String, String> held = values(first);
        assertThat(held.keySet()).containsExactlyInAnyOrder("s/document 0", "s/document 1", "s/words of text");
        assertThat(Fingerprint.difference(held, values(same))).isEmpty();
        assertThat(Fingerprint.difference(held, values(other))).isEqualTo(Set.of("s/document 1", "s/words of text"));
        try (Stream<Path> files = Files.list(first)) {
            for (Path f : files.filter(p -> p.toString().endsWith(".cfs")).toList()) {
                Files.delete(f);
            }
        }
        assertThatThrownBy(() -> values(first))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining(first.toString());
    }

    private Path search(String name, String... texts) throws IOException {
        Path at = folder.resolve(name);
        try (Directory directory = FSDirectory.open(at);
                IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(new StandardAnalyzer()))) {
            for (String text : texts) {
                Document document = new Document();
                document.add(new TextField("text", text, Field.Store.YES));
                writer.addDocument(document);
            }
        }
        return at;
    }

    private static Map<String, String> values(Path search) {
        Map<String, String> values = new TreeMap<>();
        SearchValues.add("s", search, values);
        return values;
    }
}
