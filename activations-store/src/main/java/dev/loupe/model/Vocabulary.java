package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The bytes behind every token id, read from {@code tokenizer.json}. */
final class Vocabulary {
    private final byte[][] bytes;
    private final BitSet special = new BitSet();
    private final Map<String, Integer> added = new HashMap<>();
    private final Map<String, Integer> byText = new HashMap<>();

    private final boolean stripsFirstSpace;

    private Vocabulary(byte[][] bytes, boolean stripsFirstSpace) {
        this.bytes = bytes;
        this.stripsFirstSpace = stripsFirstSpace;
    }

    /** Reads a vocabulary whose tokens stand for bytes: byte-level BPE, or SentencePiece BPE with byte fallback. */
    static Vocabulary read(Path file) {
        JsonNode root = Json.tree(file);
        checkForLibrary(root, 0, file);
        checkTemplates(root.path("post_processor"), file);
        String decoder = root.path("decoder").toString();
        boolean byteLevel = decoder.contains("\"ByteLevel\"");
        boolean pieces = decoder.contains("\"ByteFallback\"");
        JsonNode entries = root.path("model").path("vocab");
        if (!(byteLevel || pieces) || !entries.isObject()) {
            throw new LoupeException("The tokenizer " + file + " is of a kind that Loupe cannot decode to bytes;"
                    + " byte-level BPE (GPT-2, Llama 3, Qwen) and BPE with byte fallback (Llama 2) are supported.");
        }
        int size = 0;
        for (JsonNode id : entries) {
            size = Math.max(size, idOf(id, file) + 1);
        }
        for (JsonNode token : root.path("added_tokens")) {
            size = Math.max(size, idOf(token.path("id"), file) + 1);
        }
        Vocabulary v = new Vocabulary(new byte[size][], !byteLevel && decoder.contains("\"Strip\""));
        entries.properties()
                .forEach(e -> v.bytes[idOf(e.getValue(), file)] =
                        byteLevel ? ByteLevel.decode(e.getKey()) : piece(e.getKey()));
        for (JsonNode token : root.path("added_tokens")) {
            int id = idOf(token.path("id"), file);
            String content = token.path("content").asString("");
            v.bytes[id] = byteLevel ? ByteLevel.decode(content) : content.getBytes(StandardCharsets.UTF_8);
            v.added.put(content, id);
            v.special.set(id, token.path("special").asBoolean(false));
        }
        for (int id = size - 1; id >= 0; id--) {
            if (v.bytes[id] == null) {
                v.bytes[id] = new byte[0];
            }
            v.byText.put(Utf8Stream.decode(v.bytes[id]), id);
        }
        return v;
    }

    /**
     * The tokenizers' library ends the whole process as well over a template that puts a token around texts which it does not
     * define, or a second text where there is only one.
     */
    private static void checkTemplates(JsonNode processor, Path file) {
        processor.path("processors").forEach(inner -> checkTemplates(inner, file));
        JsonNode defined = processor.path("special_tokens");
        for (String template : List.of("single", "pair")) {
            for (JsonNode piece : processor.path(template)) {
                JsonNode token = piece.path("SpecialToken").path("id");
                boolean second = template.equals("single")
                        && piece.path("Sequence").path("id").asString("").equals("B");
                if (second || !token.isMissingNode() && !defined.has(token.asString(""))) {
                    throw new LoupeException("The tokenizer " + file + " is damaged: its template " + template
                            + (second
                                    ? " puts in a second text"
                                    : " puts in the token " + token + ", which it does not define")
                            + "; get the file again.");
                }
            }
        }
    }

    /**
     * The tokenizers' library ends the whole process over a part that its own parser of JSON refuses and ours does not:
     * numbers beyond a double, halves of surrogate pairs, more than 128 levels.
     */
    private static void checkForLibrary(JsonNode node, int level, Path file) {
        boolean bad = level > 100
                || node.isNumber() && !Double.isFinite(node.asDouble(Double.NaN))
                || node.isString() && hasHalfPair(node.asString());
        for (Map.Entry<String, JsonNode> e : node.properties()) {
            bad |= hasHalfPair(e.getKey());
            checkForLibrary(e.getValue(), level + 1, file);
        }
        if (node.isArray()) {
            node.forEach(child -> checkForLibrary(child, level + 1, file));
        }
        if (bad) {
            throw new LoupeException("The tokenizer " + file
                    + " holds a number, a text or a nesting that no tokenizer has:" + " fetch it again.");
        }
    }

    private static boolean hasHalfPair(String text) {
        return text.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
    }

    /** SentencePiece: U+2581 is a space, {@code <0x0A>} is a byte. */
    private static byte[] piece(String entry) {
        if (entry.length() == 6 && entry.matches("<0x[0-9A-Fa-f]{2}>")) {
            return new byte[] {(byte) Integer.parseInt(entry.substring(3, 5), 16)};
        }
        return entry.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }

    private static int idOf(JsonNode node, Path file) {
        int id = node.asInt(-1);
        if (id < 0 || id > 10_000_000) {
            throw new LoupeException("The tokenizer " + file + " holds " + node + " where a token id should be.");
        }
        return id;
    }

    int size() {
        return bytes.length;
    }

    byte[] bytes(int id) {
        return id >= 0 && id < bytes.length ? Arrays.copyOf(bytes[id], bytes[id].length) : new byte[0];
    }

    boolean isSpecial(int id) {
        return id >= 0 && special.get(id);
    }

    /**
     * Text without the space that the tokenizer itself put before it (SentencePiece's way of marking the first word).
     *
     * @param text from the beginning of a sequence
     */
    String withoutPrefix(String text) {
        return stripsFirstSpace && text.startsWith(" ") ? text.substring(1) : text;
    }

    /** The id of a special or added token by its exact spelling. */
    @Nullable Integer added(String content) {
        return added.get(content);
    }

    /** The smallest id with this text. */
    @Nullable Integer byText(String text) {
        return byText.get(text);
    }
}
