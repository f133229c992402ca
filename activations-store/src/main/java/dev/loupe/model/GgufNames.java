package dev.loupe.model;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What GGUF files call the tensors of a family (github.com/ggml-org/llama.cpp, {@code gguf-py/gguf/constants.py}), by the
 * names that the family's own checkpoint has.
 */
final class GgufNames {
    private final TensorNames names;
    private final Pattern block;
    private final Map<String, String> whole = new LinkedHashMap<>();
    private final Map<String, String> inBlock = new LinkedHashMap<>();

    GgufNames(TensorNames names) {
        this.names = names;
        block = Pattern.compile(Pattern.quote(names.block()).replace("%d", "\\E(\\d+)\\Q") + "(.*)");
        put(whole, names.embed(), "token_embd");
        put(whole, names.positions(), "position_embd");
        put(whole, names.finalNorm(), "output_norm");
        put(whole, names.unembed(), "output");
        boolean apart = names.packing() == TensorNames.Packing.APART;
        put(inBlock, names.q(), apart ? "attn_q" : "attn_qkv");
        if (apart) {
            put(inBlock, names.k(), "attn_k");
            put(inBlock, names.v(), "attn_v");
        }
        put(inBlock, names.o(), "attn_output");
        put(inBlock, names.qNorm(), "attn_q_norm");
        put(inBlock, names.kNorm(), "attn_k_norm");
        put(inBlock, names.ln1(), "attn_norm");
        put(inBlock, names.ln1Post(), "post_attention_norm");
        put(inBlock, names.ln2(), "ffn_norm");
        put(inBlock, names.ln2Post(), "post_ffw_norm");
        boolean gated = names.mlpLinear() != null;
        put(inBlock, names.mlpIn(), gated ? "ffn_gate" : "ffn_up");
        put(inBlock, names.mlpLinear(), "ffn_up");
        put(inBlock, names.mlpOut(), "ffn_down");
    }

    private static void put(Map<String, String> map, @Nullable String name, String inFile) {
        if (name != null) {
            map.put(name, inFile);
        }
    }

    /** The name in the file, of a name that ends with {@code .weight} or {@code .bias}; null if it has none. */
    @Nullable String inFile(String tensor) {
        int dot = tensor.lastIndexOf('.');
        if (dot < 0) {
            return null;
        }
        String stem = tensor.substring(0, dot);
        String kind = tensor.substring(dot);
        String name = whole.get(stem);
        if (name != null) {
            return name + kind;
        }
        Matcher m = block.matcher(stem);
        String local = m.matches() ? inBlock.get(m.group(2)) : null;
        return local == null ? null : "blk." + m.group(1) + "." + local + kind;
    }

    /** Whether a tensor is the projection to queries or to keys. */
    boolean isQueryOrKey(String tensor) {
        String local = tensor.substring(0, Math.max(0, tensor.lastIndexOf('.')));
        return local.endsWith("." + names.q()) || local.endsWith("." + names.k());
    }

    /** Whether a tensor is the gain of a norm. */
    boolean isNorm(String tensor) {
        String file = inFile(tensor);
        return file != null && file.endsWith("_norm.weight");
    }
}
