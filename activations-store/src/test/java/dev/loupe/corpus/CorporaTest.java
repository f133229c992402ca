package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorporaTest {
    @TempDir
    Path folder;

    @Test
    void a_text_file_without_blank_lines_has_a_document_a_line() throws IOException {
        Path file = write("lines.txt", "\uFEFFfirst line\n  second\tline \r\nthird");
        assertThat(texts(file, "")).containsExactly("first line", "second\tline", "third");
        assertThat(names(file)).containsExactly("lines.txt:1", "lines.txt:2", "lines.txt:3");
    }

    @Test
    void paragraphs_are_gathered_until_a_document_is_long_enough() throws IOException {
        String paragraph = "word ".repeat(120).strip(); // 599 characters: two of them make a document
        Path file = write("book.txt", "\n\n" + paragraph + "\n\n" + paragraph + "\n\n\n" + paragraph + "\nmore\n");
        assertThat(texts(file, "")).containsExactly(paragraph + "\n\n" + paragraph, paragraph + "\nmore");
        assertThat(names(file)).containsExactly("book.txt:3", "book.txt:8");
    }

    @Test
    void json_lines_give_the_chosen_field() throws IOException {
        Path file = write(
                "data.jsonl",
                "{\"text\":\"a \\u00e9\",\"body\":\"b\"}\n\n{\"body\":\"d\",\"text\":\" \"}\n{\"text\":\"c\"}\n");
        assertThat(texts(file, "")).containsExactly("a é", "c");
        assertThatThrownBy(() -> texts(file, "body"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("Line 4")
                .hasMessageContaining("\"body\"")
                .hasMessageContaining("[text]");
    }

    @Test
    void a_line_that_is_no_json_is_named() throws IOException {
        Path file = write("data.jsonl", "{\"text\":\"a\"}\nnot json\n");
        assertThatThrownBy(() -> texts(file, ""))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("Line 2")
                .hasMessageContaining("data.jsonl");
    }

    @Test
    void a_folder_gives_its_files_in_order_and_its_fingerprint_sees_every_byte() throws IOException {
        write("corpus/b.txt", "from b");
        write("corpus/a/z.jsonl", "{\"text\":\"from z\"}");
        write("corpus/readme.md", "not a text");
        DocumentSource source = Corpora.of(folder.resolve("corpus").toString(), "");
        try (Stream<Document> all = source.open()) {
            assertThat(all.map(d -> d.name() + "=" + d.text())).containsExactly("a/z.jsonl:1=from z", "b.txt:1=from b");
        }
        String before = source.fingerprint();
        assertThat(source.fingerprint()).isEqualTo(before);
        assertThat(Corpora.of(source.spec(), "other").fingerprint()).isNotEqualTo(before);
        write("corpus/b.txt", "from B");
        assertThat(source.fingerprint()).isNotEqualTo(before);
    }

    @Test
    void what_cannot_be_text_is_refused_in_one_sentence() throws IOException {
        assertThatThrownBy(() -> Corpora.of("no-such.txt", ""))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no-such.txt")
                .hasMessageContaining("builtin:europarl");
        assertThatThrownBy(() -> Corpora.of("builtin:pile", ""))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("builtin:europarl");
        Path pdf = write("paper.pdf", "x");
        assertThatThrownBy(() -> Corpora.of(pdf.toString(), ""))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(".txt");
        Path latin = folder.resolve("latin.txt");
        Files.write(latin, "caf\u00e9 noir\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> texts(latin, ""))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("not UTF-8");
        Files.createDirectories(folder.resolve("empty"));
        assertThatThrownBy(() -> Corpora.of(folder.resolve("empty").toString(), ""))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no file named .txt, .jsonl");
    }

    @Test
    void an_empty_text_is_named() throws IOException {
        Path file = write("empty.txt", " \n\n \t\n");
        assertThatThrownBy(() -> pool(Corpora.of(file.toString(), ""), HeldOut.none(), 0, 1000))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("empty.txt")
                .hasMessageContaining("empty");
    }

    private Path write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static List<String> texts(Path file, String field) {
        try (Stream<Document> all = Corpora.of(file.toString(), field).open()) {
            return all.map(Document::text).toList();
        }
    }

    private static List<String> names(Path file) {
        try (Stream<Document> all = Corpora.of(file.toString(), "").open()) {
            return all.map(Document::name).toList();
        }
    }

    @Test
    void documents_of_token_ids_are_held_out_by_their_ids_and_count_towards_the_pool() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            lines.append("{\"tokens\": [").append(i).append(", 1, 4]}\n");
        }
        java.nio.file.Path file = Files.writeString(folder.resolve("ids.jsonl"), lines);
        DocumentSource source = Corpora.of(file.toString(), "");
        DocumentPool pool = pool(source, HeldOut.share(0.5), 0, 1_000_000);
        assertThat(pool.complete()).isTrue();
        assertThat(pool.heldOut()).hasSizeBetween(60, 140);
        assertThat(pool.train()).hasSize(200 - pool.heldOut().size());
        DocumentPool part = pool(source, HeldOut.none(), 0, 12 * 50);
        assertThat(part.complete()).isFalse();
        assertThat(part.train()).hasSize(50);
    }

    @Test
    void packed_files_conversations_and_token_ids_are_read() throws IOException {
        String lines = "{\"text\": \"one\"}\n\n{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"},"
                + " {\"role\": \"assistant\", \"content\": \"yes?\"}]}\n{\"input_ids\": [3, 1, 4]}\n";
        java.nio.file.Path gz = folder.resolve("a.jsonl.gz");
        try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(gz))) {
            out.write(lines.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        java.nio.file.Path zst = folder.resolve("b.jsonl.zst");
        try (var out = new com.github.luben.zstd.ZstdOutputStream(Files.newOutputStream(zst))) {
            out.write(lines.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        for (java.nio.file.Path file : java.util.List.of(gz, zst)) {
            try (var all = Corpora.of(file.toString(), "").open()) {
                var documents = all.toList();
                assertThat(documents).hasSize(3);
                assertThat(documents.get(0).text()).isEqualTo("one");
                assertThat(documents.get(1).content())
                        .isEqualTo(new Document.Content.Chat(java.util.List.of(
                                new Document.Content.Message("user", "hi"),
                                new Document.Content.Message("assistant", "yes?"))));
                assertThat(((Document.Content.Ids) documents.get(2).content()).tokens())
                        .containsExactly(3, 1, 4);
            }
        }
        byte[] whole = Files.readAllBytes(zst);
        Files.write(zst, java.util.Arrays.copyOf(whole, whole.length - 20));
        assertThatThrownBy(() -> {
                    try (var all = Corpora.of(zst.toString(), "").open()) {
                        all.toList();
                    }
                })
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("b.jsonl.zst");
    }

    private static DocumentPool pool(DocumentSource source, HeldOut rule, long seed, long characters) {
        try (DocumentParts parts = new DocumentParts(source, rule, seed, characters, Progress.silent())) {
            return parts.next();
        }
    }
}
