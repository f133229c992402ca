package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.model.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code tokenizer.json} and {@code tokenizer_config.json} from the metadata of a GGUF file, so that all tokenizers go
 * through the same library. Two kinds: {@code gpt2}, byte-level BPE with its merges, split by {@code tokenizer.ggml.pre};
 * and {@code llama}, SentencePiece's BPE, whose merges follow from the scores of its pieces.
 */
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.ggml.";
    static final String BOS = PREFIX + "bos_token_id";
    static final String EOS = PREFIX + "eos_token_id";

    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;

    private final GgufMetadata meta;
    private final List<String> tokens;
    private final boolean pieces;
    private final @Nullable GgufSplit split;

    GgufTokenizer(GgufMetadata meta) {
        this.meta = meta;
        String model = meta.text(PREFIX + "model");
        if (!model.equals("gpt2") && !model.equals("llama")) {
            throw meta.refused("its tokenizer is of the kind \"" + model + "\"; supported are gpt2 and llama");
        }
        pieces = model.equals("llama");
        tokens = pieces && meta.text("general.architecture").startsWith("gemma")
                ? gemma()
                : meta.texts(PREFIX + "tokens");
        split = pieces ? null : GgufSplit.of(meta);
    }

    /** Gemma's files spell tokens of several spaces as spaces, its merges know them as U+2581. */
    private List<String> gemma() {
        return meta.texts(PREFIX + "tokens").stream()
                .map(t -> t.isBlank() && t.contains(" ") ? t.replace(' ', '\u2581') : t)
                .toList();
    }

    /** The content of {@code tokenizer.json}. */
    ObjectNode tokenizer() {
        ObjectNode root = Json.MAPPER.createObjectNode().put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        addedTokens(root.putArray("added_tokens"));
        if (split == null) {
            pieceParts(root);
        } else {
            split.parts(root);
        }
        processor(root);
        ObjectNode model = root.putObject("model").put("type", "BPE");
        String unknown = token(PREFIX + "unknown_token_id");
        model.putNull("dropout");
        model.put("unk_token", pieces ? unknown : null);
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", pieces).put("byte_fallback", pieces);
        model.put("ignore_merges", split != null && split.ignoresMerges());
        ObjectNode vocab = model.putObject("vocab");
        for (int i = 0; i < tokens.size(); i++) {
            if (!vocab.has(tokens.get(i))) { // fillers may all be called the same
                vocab.put(tokens.get(i), i);
            }
        }
        ArrayNode merges = model.putArray("merges");
        for (String[] merge : pieces ? GgufMerges.fromScores(meta, tokens) : GgufMerges.listed(meta)) {
            merges.addArray().add(merge[0]).add(merge[1]);
        }
        return root;
    }

    /** The content of {@code tokenizer_config.json}. */
    ObjectNode settings() {
        ObjectNode root = Json.MAPPER.createObjectNode();
        put(root, "bos_token", token(BOS));
        put(root, "eos_token", token(EOS));
        put(root, "unk_token", token(PREFIX + "unknown_token_id"));
        put(root, "pad_token", token(PREFIX + "padding_token_id"));
        root.put("add_bos_token", addsBos()).put("add_eos_token", addsEos());
        if (meta.has("tokenizer.chat_template")) {
            root.put("chat_template", meta.text("tokenizer.chat_template"));
        }
        return root;
    }

    private static void put(ObjectNode root, String name, @Nullable String token) {
        if (token != null) {
            root.put(name, token);
        }
    }

    private boolean addsBos() {
        return token(BOS) != null && meta.flag(PREFIX + "add_bos_token", pieces || split != null && split.addsBos());
    }

    private boolean addsEos() {
        return token(EOS) != null && meta.flag(PREFIX + "add_eos_token", false);
    }

    /** The token that a key of the metadata names by its id; null if there is none, which some files write as -1. */
    private @Nullable String token(String key) {
        long id = meta.integer(key, -1);
        return id >= 0 && id < tokens.size() ? tokens.get((int) id) : null;
    }

    private void addedTokens(ArrayNode added) {
        long[] types = meta.integers(PREFIX + "token_type");
        if (types != null && types.length != tokens.size()) {
            throw meta.refused(PREFIX + "token_type has " + types.length + " entries for " + tokens.size() + " tokens");
        }
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < tokens.size() && types != null; i++) {
            boolean special = types[i] == CONTROL || types[i] == UNKNOWN;
            if ((special || types[i] == USER_DEFINED) && !tokens.get(i).isEmpty() && seen.add(tokens.get(i))) {
                added.addObject()
                        .put("id", i)
                        .put("content", tokens.get(i))
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", special);
            }
        }
    }

    /** SentencePiece: spaces are U+2581, one stands before the text unless the file says otherwise. */
    private void pieceParts(ObjectNode root) {
        boolean prefix = meta.flag(
                PREFIX + "add_space_prefix", !meta.text("general.architecture").startsWith("gemma"));
        ObjectNode normalizer = root.putObject("normalizer").put("type", "Sequence");
        ArrayNode steps = normalizer.putArray("normalizers");
        if (prefix) {
            steps.addObject().put("type", "Prepend").put("prepend", "\u2581");
        }
        replace(steps.addObject(), " ", "\u2581");
        root.putNull("pre_tokenizer");
        ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
        replace(decoders.addObject(), "\u2581", " ");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        if (prefix) {
            decoders.addObject()
                    .put("type", "Strip")
                    .put("content", " ")
                    .put("start", 1)
                    .put("stop", 0);
        }
    }

    private static void replace(ObjectNode node, String from, String to) {
        node.put("type", "Replace").put("content", to).putObject("pattern").put("String", from);
    }

    /** BOS before and EOS behind, where the file asks for them. */
    private void processor(ObjectNode root) {
        String bos = addsBos() ? token(BOS) : null;
        String eos = addsEos() ? token(EOS) : null;
        if (bos == null && eos == null) {
            root.putNull("post_processor");
            return;
        }
        ObjectNode template = root.putObject("post_processor").put("type", "TemplateProcessing");
        ArrayNode single = template.putArray("single");
        ArrayNode pair = template.putArray("pair");
        ObjectNode special = template.putObject("special_tokens");
        List<String> used = new ArrayList<>();
        for (String sequence : List.of("A", "B")) {
            int type = sequence.equals("A") ? 0 : 1;
            for (ArrayNode list : type == 0 ? List.of(single, pair) : List.of(pair)) {
                step(list, bos, null, type);
                step(list, null, sequence, type);
                step(list, eos, null, type);
            }
        }
        used.add(bos == null ? eos : bos);
        used.add(eos == null ? bos : eos);
        for (String token : used) {
            int id = tokens.indexOf(token);
            ObjectNode entry = special.putObject(token).put("id", token);
            entry.putArray("ids").add(id);
            entry.putArray("tokens").add(token);
        }
    }

    private static void step(ArrayNode list, @Nullable String token, @Nullable String sequence, int type) {
        if (token != null) {
            list.addObject().putObject("SpecialToken").put("id", token).put("type_id", type);
        } else if (sequence != null) {
            list.addObject().putObject("Sequence").put("id", sequence).put("type_id", type);
        }
    }
}
