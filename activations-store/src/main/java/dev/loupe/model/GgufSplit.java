package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.model.gguf.GgufMetadata;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How text is cut into words before byte-level BPE. GGUF files say it by a name ({@code tokenizer.ggml.pre}); what the
 * names mean is in llama.cpp's {@code llama-vocab.cpp}, the parts that it leaves out (Unicode normalisation) in the
 * published {@code tokenizer.json} of the models that they come from.
 *
 * @param pattern the words; null for GPT-2's own, which the library knows
 * @param digits whether each digit is first cut off from the rest
 * @param composed whether text is brought to normal form C
 * @param ignoresMerges whether a word that is a token stays whole, whatever the merges say
 * @param addsBos whether BOS is prepended where the file does not say
 */
record GgufSplit(@Nullable String pattern, boolean digits, boolean composed, boolean ignoresMerges, boolean addsBos) {
    private static final String PRE = "tokenizer.ggml.pre";

    private static final String LLAMA3_PATTERN =
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                    + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String QWEN2_PATTERN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String TEKKEN_PATTERN = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final GgufSplit GPT2 = new GgufSplit(null, false, false, false, false);
    private static final GgufSplit NEOX = new GgufSplit(null, false, true, false, false);
    private static final GgufSplit DIGITS = new GgufSplit(null, true, false, false, false);
    private static final GgufSplit LLAMA3 = new GgufSplit(LLAMA3_PATTERN, false, false, true, true);
    private static final GgufSplit QWEN2 = new GgufSplit(QWEN2_PATTERN, false, true, false, false);
    private static final GgufSplit TEKKEN = new GgufSplit(TEKKEN_PATTERN, false, false, true, true);

    private static final Map<String, GgufSplit> KNOWN = new TreeMap<>(Map.ofEntries(
            Map.entry("gpt-2", GPT2),
            Map.entry("phi-2", GPT2),
            Map.entry("mpt", GPT2),
            Map.entry("olmo", NEOX), // the tokenizer of GPT-NeoX
            Map.entry("smollm", DIGITS),
            Map.entry("starcoder", DIGITS),
            Map.entry("refact", DIGITS),
            Map.entry("codeshell", DIGITS),
            Map.entry("llama3", LLAMA3),
            Map.entry("llama-v3", LLAMA3),
            Map.entry("llama-bpe", LLAMA3),
            Map.entry("falcon3", LLAMA3),
            Map.entry("pixtral", LLAMA3),
            Map.entry("qwen2", QWEN2),
            Map.entry("deepseek-r1-qwen", QWEN2),
            Map.entry("tekken", TEKKEN)));

    /** What a file says. */
    static GgufSplit of(GgufMetadata meta) {
        String arch = meta.text("general.architecture");
        String name = meta.text(PRE, "");
        if (name.isEmpty() || name.equals("default")) { // files from before the key; llama.cpp guesses, and warns
            return switch (arch) {
                case "gpt2" -> GPT2;
                case "gptneox" -> NEOX;
                default ->
                    throw meta.refused("it does not say how text is cut before byte-pair encoding (" + PRE
                            + "), convert the model again with a newer llama.cpp");
            };
        }
        GgufSplit split = KNOWN.get(name);
        if (split == null) {
            throw meta.refused("its tokenizer cuts text in the way \"" + name + "\" (" + PRE + "); supported are "
                    + String.join(", ", KNOWN.keySet()));
        }
        return split;
    }

    /** The names that are known. */
    static List<String> names() {
        return List.copyOf(KNOWN.keySet());
    }

    /** Adds the normalizer, the pre-tokenizer and the decoder. */
    void parts(ObjectNode root) {
        root.set("normalizer", composed ? Json.MAPPER.createObjectNode().put("type", "NFC") : null);
        ArrayNode steps =
                root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        if (digits) {
            steps.addObject().put("type", "Digits").put("individual_digits", true);
        }
        if (pattern != null) {
            ObjectNode cut = steps.addObject().put("type", "Split");
            cut.putObject("pattern").put("Regex", pattern);
            cut.put("behavior", "Isolated").put("invert", false);
        }
        byteLevel(steps.addObject(), pattern == null);
        byteLevel(root.putObject("decoder"), true);
    }

    private static void byteLevel(ObjectNode node, boolean regex) {
        node.put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", regex);
    }
}
