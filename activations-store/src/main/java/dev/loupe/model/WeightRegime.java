package dev.loupe.model;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How a checkpoint's weights are rewritten before they are used, in the terms of TransformerLens
 * ({@code HookedTransformer.from_pretrained}). What the model predicts stays the same; activations on the way change, and
 * with them what a sparse autoencoder sees.
 *
 * @param foldLn gains and biases of the norms before attention, MLP and unembedding move into the maps behind them, which
 *     for LayerNorm are also centred over d_model; what such a norm gives is then only centred and divided. Norms after
 *     attention and MLP, and those of queries and keys, keep theirs
 * @param centerWritingWeights everything written to the residual stream has mean 0 over d_model (LayerNorm only)
 * @param centerUnembed logits have mean 0 over the vocabulary (not where logits are soft-capped)
 * @param foldValueBiases biases of values move into the bias of attention's output
 */
public record WeightRegime(
        boolean foldLn, boolean centerWritingWeights, boolean centerUnembed, boolean foldValueBiases) {
    /** The weights as they are in the checkpoint. */
    public static final WeightRegime RAW = new WeightRegime(false, false, false, false);

    private static final String RAW_NAME = "raw";
    private static final List<String> NAMES =
            List.of("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases");

    /** The names that {@link #parse} knows. */
    public static List<String> names() {
        List<String> all = new ArrayList<>(List.of(RAW_NAME));
        all.addAll(NAMES);
        return all;
    }

    /**
     * Reads a regime.
     *
     * @param text {@code raw}, or one or more of the other names, comma separated
     * @throws UsageException for any other name
     */
    public static WeightRegime parse(String text) {
        if (text.strip().equals(RAW_NAME)) {
            return RAW;
        }
        Map<String, Boolean> flags = new LinkedHashMap<>();
        for (String part : text.split(",", -1)) {
            String name = part.strip();
            if (!NAMES.contains(name)) {
                throw new UsageException("There is no weight regime \"" + name + "\"; use raw, or one or more of "
                        + String.join(", ", NAMES) + ".");
            }
            flags.put(name, true);
        }
        return of(flags);
    }

    /** A regime of these flags by name; absent ones are off, others are not looked at. */
    public static WeightRegime of(Map<String, Boolean> flags) {
        return new WeightRegime(
                flags.getOrDefault(NAMES.get(0), false),
                flags.getOrDefault(NAMES.get(1), false),
                flags.getOrDefault(NAMES.get(2), false),
                flags.getOrDefault(NAMES.get(3), false));
    }

    /** The flags that are on, by name. */
    public Map<String, Boolean> flags() {
        boolean[] on = {foldLn, centerWritingWeights, centerUnembed, foldValueBiases};
        Map<String, Boolean> flags = new LinkedHashMap<>();
        for (int i = 0; i < on.length; i++) {
            if (on[i]) {
                flags.put(NAMES.get(i), true);
            }
        }
        return flags;
    }

    /** Whether nothing is rewritten. */
    public boolean isRaw() {
        return equals(RAW);
    }

    /** The name that {@link #parse} reads and manifests record. */
    public String id() {
        return isRaw() ? RAW_NAME : String.join(",", flags().keySet());
    }

    @Override
    public String toString() {
        return id();
    }
}
