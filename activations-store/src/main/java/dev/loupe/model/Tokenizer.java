package dev.loupe.model;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids and back. Never truncates and never pads. Safe for use from several threads.
 *
 * <p>Decoding works on bytes: a character whose UTF-8 bytes are spread over several tokens appears once, with the token
 * that completes it.
 */
public interface Tokenizer extends AutoCloseable {
    /** Token ids of a text, with or without what the tokenizer's own template adds (such as BOS). */
    int[] encode(String text, boolean addSpecial);

    /**
     * Token ids as the tokenizer gives them by itself: its template, and BOS in front where {@code add_bos_token} asks
     * for it and the template has not put it there.
     */
    int[] encode(String text);

    /** {@link #encode(String, boolean)} of many texts, on all cores. */
    List<int[]> encodeBatch(List<String> texts, boolean addSpecial);

    /** The text of token ids; bytes that are no UTF-8 become U+FFFD. */
    String decode(int[] ids, boolean skipSpecial);

    /** {@link #decode(int[], boolean)} with special tokens shown. */
    default String decode(int[] ids) {
        return decode(ids, false);
    }

    /** The bytes that a token stands for. */
    byte[] tokenBytes(int id);

    /** The readable text of one token; holds U+FFFD where the token is a part of a character. */
    String token(int id);

    /**
     * The text of each token, so that joining the pieces gives {@code decode(ids, false)}: a character spread over
     * several tokens is in the piece of the last of them, and the pieces before it lack it.
     */
    List<String> pieces(int[] ids);

    /** The id of a token by its exact readable text (as {@link #token} gives it), or null if there is none. */
    @Nullable Integer id(String token);

    /** Number of token ids that the tokenizer knows. */
    int vocabSize();

    /** The beginning-of-sequence id, or null if the model has none. */
    @Nullable Integer bosId();

    /** The end-of-sequence id, or null if the model has none. */
    @Nullable Integer eosId();

    /** The ids that end a text; the end-of-sequence id and, for chat models, those that end a message. */
    default Set<Integer> endIds() {
        Integer eos = eosId();
        return eos == null ? Set.of() : Set.of(eos);
    }

    /** The model's chat template, in Jinja; null if it has none. */
    default @Nullable String chatTemplate() {
        return null;
    }

    /** Whether an id is a special token rather than text. */
    boolean isSpecial(int id);

    /** SHA-256 of the tokenizer's file, in hexadecimal. */
    String checksum();

    @Override
    void close();
}
