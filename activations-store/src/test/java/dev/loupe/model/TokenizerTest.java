package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerTest {
    @TempDir
    static Path folder;

    static Tokenizer tokenizer;

    @BeforeAll
    static void open() {
        tokenizer = HubTokenizer.open(Golden.builtin(folder));
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void text_of_any_kind_comes_back_unchanged() {
        for (String text : List.of(
                "",
                " ",
                "Hello world",
                "größer",
                "Ελλάδα και Κύπρος",
                "日本語",
                "👩‍👩‍👧 ok",
                "a\n\n\tb\r\n",
                "\u0000x",
                "e\u0301")) {
            assertThat(tokenizer.decode(tokenizer.encode(text, false))).isEqualTo(text);
        }
        Cases.check(300, random -> {
            StringBuilder text = new StringBuilder();
            for (int n = random.size(60); n > 0; n--) {
                int c = random.nextBoolean() ? random.nextInt(32, 0x250) : random.nextInt(0x10FFFF);
                text.appendCodePoint(c >= 0xD800 && c < 0xE000 ? 'x' : c);
            }
            int[] ids = tokenizer.encode(text.toString(), false);
            assertThat(tokenizer.decode(ids)).isEqualTo(text.toString());
            assertThat(String.join("", tokenizer.pieces(ids))).isEqualTo(text.toString());
        });
    }

    @Test
    void valid_utf8_is_decoded_as_the_jdk_does_and_encoded_surrogates_are_three_errors() {
        Cases.check(300, random -> {
            StringBuilder text = new StringBuilder();
            for (int n = random.size(40); n > 0; n--) {
                int c = random.nextInt(0x10FFFF + 1);
                text.appendCodePoint(c >= 0xD800 && c < 0xE000 ? 'x' : c);
            }
            byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
            Utf8Stream stream = new Utf8Stream();
            StringBuilder parts = new StringBuilder();
            for (int at = 0; at < bytes.length; ) {
                int n = Math.min(bytes.length - at, random.nextInt(1, 4));
                parts.append(stream.add(java.util.Arrays.copyOfRange(bytes, at, at + n)));
                at += n;
            }
            assertThat(parts + stream.end()).isEqualTo(text.toString());
        });
        assertThat(Utf8Stream.decode(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80, 'a'}))
                .isEqualTo("\uFFFD\uFFFD\uFFFDa");
        assertThat(Utf8Stream.decode(new byte[] {(byte) 0xF0, (byte) 0x9F, (byte) 0x91}))
                .isEqualTo("\uFFFD");
    }

    @Test
    void half_a_surrogate_pair_becomes_the_replacement_character() {
        assertThat(tokenizer.decode(tokenizer.encode("a\uD83Db", false))).isEqualTo("a\uFFFDb");
    }

    @Test
    void long_text_is_not_cut() {
        assertThat(tokenizer.encode("word ".repeat(5000), false)).hasSizeGreaterThan(5000);
        assertThat(tokenizer
                        .encodeBatch(List.of("word ".repeat(5000), "a"), false)
                        .getFirst())
                .hasSizeGreaterThan(5000);
    }

    @Test
    void special_tokens_are_added_only_where_asked() {
        int[] plain = tokenizer.encode("Hello", false);
        assertThat(plain).doesNotContain(0);
        assertThat(tokenizer.encode("Hello", true)).startsWith(0).hasSize(plain.length + 1);
        assertThat(tokenizer.encode("Hello")).startsWith(0).hasSize(plain.length + 1);
        assertThat(tokenizer.bosId()).isZero();
        assertThat(tokenizer.eosId()).isZero();
        assertThat(tokenizer.isSpecial(0)).isTrue();
        assertThat(tokenizer.isSpecial(1)).isFalse();
        assertThat(tokenizer.decode(tokenizer.encode("Hello"), true)).isEqualTo("Hello");
        assertThat(tokenizer.decode(tokenizer.encode("Hello"), false)).isEqualTo("<|endoftext|>Hello");
        assertThat(tokenizer.vocabSize()).isEqualTo(8192);
    }

    @Test
    void batches_give_what_single_texts_give() {
        List<String> texts = List.of("one", "", "größer und größer", "three words here");
        List<int[]> batch = tokenizer.encodeBatch(texts, true);
        for (int i = 0; i < texts.size(); i++) {
            assertThat(batch.get(i)).isEqualTo(tokenizer.encode(texts.get(i), true));
        }
        assertThat(tokenizer.encodeBatch(List.of(), false)).isEmpty();
    }

    @Test
    void a_character_spread_over_tokens_is_in_the_piece_of_the_last() {
        String text = "x👩y";
        int[] ids = tokenizer.encode(text, false);
        List<String> pieces = tokenizer.pieces(ids);
        assertThat(ids.length).isGreaterThan(3); // the emoji is four byte tokens or so
        assertThat(String.join("", pieces)).isEqualTo(text);
        assertThat(pieces)
                .anySatisfy(p -> assertThat(p).isEmpty())
                .anySatisfy(p -> assertThat(p).contains("👩"));
        int[] half = IntStream.of(ids).limit(ids.length - 2).toArray(); // without the end of the emoji
        assertThat(String.join("", tokenizer.pieces(half)))
                .isEqualTo(tokenizer.decode(half))
                .endsWith("\uFFFD");
    }

    /** The library decodes bytes with Rust's replacement rules; ours must be the same on any ids, sensible or not. */
    @Test
    void decoding_agrees_with_the_tokenizers_library_on_random_ids() throws IOException {
        try (HuggingFaceTokenizer library = HuggingFaceTokenizer.builder()
                .optTokenizerPath(folder.resolve("builtin/tokenizer.json"))
                .optTruncation(false)
                .build()) {
            Cases.check(2000, random -> {
                int[] ids = IntStream.range(0, random.nextInt(1, 20))
                        .map(i -> random.nextBoolean() ? random.nextInt(1, 260) : random.nextInt(8192))
                        .toArray();
                String expected =
                        library.decode(IntStream.of(ids).asLongStream().toArray(), false);
                assertThat(tokenizer.decode(ids)).isEqualTo(expected);
                assertThat(String.join("", tokenizer.pieces(ids))).isEqualTo(expected);
                String withoutSpecial =
                        library.decode(IntStream.of(ids).asLongStream().toArray(), true);
                assertThat(tokenizer.decode(ids, true)).isEqualTo(withoutSpecial);
            });
        }
    }

    /** The library would end the whole process when it puts the template around a text. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    "single": [ { "SpecialToken": { "id": "<.endoftext.>", | "single": [ { "SpecialToken": { "id": "nobody", | token "nobody"
                    "Sequence": { "id": "A",                                    | "Sequence": { "id": "B",                        | a second text
                    """)
    void a_template_of_what_is_not_there_is_refused(String what, String other, String said) throws IOException {
        String json = Files.readString(folder.resolve("builtin/tokenizer.json")).replaceAll("\\s+", " ");
        String changed = json.replaceFirst(what.replaceAll("[\\[{]", "\\\\$0"), other);
        assertThat(changed).isNotEqualTo(json);
        Path damaged = Files.createDirectories(folder.resolve("damaged"));
        Files.writeString(damaged.resolve("tokenizer.json"), changed);
        assertThatThrownBy(() -> HubTokenizer.open(damaged))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining(said)
                .hasMessageContaining("get the file again");
    }

    @Test
    void tokens_have_their_bytes_and_ids_can_be_found_by_text() {
        int[] ids = tokenizer.encode(" rapporteur", false);
        assertThat(ids).hasSize(1);
        assertThat(tokenizer.token(ids[0])).isEqualTo(" rapporteur");
        assertThat(tokenizer.tokenBytes(ids[0])).isEqualTo(" rapporteur".getBytes(StandardCharsets.UTF_8));
        assertThat(tokenizer.id(" rapporteur")).isEqualTo(ids[0]);
        assertThat(tokenizer.id("no such token")).isNull();
        assertThat(tokenizer.tokenBytes(-1)).isEmpty();
        assertThat(tokenizer.checksum()).hasSize(64);
    }

    /** Each of these ends the process inside the library unless it is refused before. */
    @Test
    void what_the_library_would_die_of_is_refused(@TempDir Path other) throws IOException {
        String whole = Files.readString(folder.resolve("builtin/tokenizer.json"));
        for (String bad : List.of("1e400", "\"\\ud83d\"", "[".repeat(120) + "]".repeat(120), "{\"\\udc00\": 1}")) {
            String decoder = "{\"type\": \"ByteLevel\", \"add_prefix_space\": " + bad + "}";
            Files.writeString(
                    other.resolve("tokenizer.json"),
                    whole.replaceFirst(
                            "\"decoder\": *\\{[^}]*}",
                            java.util.regex.Matcher.quoteReplacement("\"decoder\": " + decoder)));
            assertThat(Files.readString(other.resolve("tokenizer.json"))).contains(bad);
            assertThatThrownBy(() -> HubTokenizer.open(other))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("tokenizer.json");
        }
    }

    @Test
    void missing_damaged_and_foreign_tokenizers_are_named(@TempDir Path other) throws IOException {
        assertThatThrownBy(() -> HubTokenizer.open(other))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("tokenizer.json");
        Files.writeString(other.resolve("tokenizer.json"), "{\"model\": {");
        assertThatThrownBy(() -> HubTokenizer.open(other))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("tokenizer.json");
        Files.writeString(
                other.resolve("tokenizer.json"),
                "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}, \"decoder\": {\"type\": \"WordPiece\"}}");
        assertThatThrownBy(() -> HubTokenizer.open(other))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("byte-level BPE");
    }

    @Test
    void a_closed_tokenizer_says_so_instead_of_ending_the_process() {
        Tokenizer closed = HubTokenizer.open(Golden.builtin(folder));
        closed.close();
        assertThatThrownBy(() -> closed.encode("text", false))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> closed.encodeBatch(List.of("text"), true)).hasMessageContaining("closed");
    }
}
