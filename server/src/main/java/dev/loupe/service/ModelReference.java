package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.model.Precision;
import dev.loupe.model.WeightRegime;
import dev.loupe.store.StoreManifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a model is named wherever one is asked for: its name, and behind {@code @} the regime of its weights unless they are
 * raw, and {@code bf16} unless products are in float32 ({@code gpt2@fold_ln,center_writing_weights,bf16}).
 *
 * @param name {@code builtin}, a name in {@code models/}, or a path
 * @param weights how the checkpoint's weights are rewritten
 * @param precision in which numbers products are computed
 */
public record ModelReference(String name, WeightRegime weights, Precision precision) {
    private static final char AT = '@';
    private static final List<String> PRECISIONS =
            Arrays.stream(Precision.values()).map(Precision::id).toList();

    /** Reads a reference; an {@code @} that no regime or precision follows is part of the name. */
    public static ModelReference parse(String text) {
        int at = text.lastIndexOf(AT);
        if (at > 0) {
            try {
                return of(text.substring(0, at), text.substring(at + 1));
            } catch (UsageException e) {
                return plain(text); // a name with an @
            }
        }
        return plain(text);
    }

    private static ModelReference plain(String name) {
        return new ModelReference(name, WeightRegime.RAW, Precision.FP32);
    }

    private static ModelReference of(String name, String how) {
        List<String> regimes = new ArrayList<>();
        Precision precision = Precision.FP32;
        for (String part : how.split(",", -1)) {
            if (PRECISIONS.contains(part.strip())) {
                precision = Precision.parse(part);
            } else {
                regimes.add(part);
            }
        }
        WeightRegime regime = regimes.isEmpty() ? WeightRegime.RAW : WeightRegime.parse(String.join(",", regimes));
        return new ModelReference(name, regime, precision);
    }

    /** The model of a store, as it was opened when its activations were captured. */
    public static ModelReference of(StoreManifest.Model model) {
        return new ModelReference(
                model.id(), WeightRegime.parse(model.weightRegime()), Precision.ofManifest(model.precision()));
    }

    /**
     * The reference of a model whose regime or precision is said apart.
     *
     * @param weights the regime's name; null for what the model's reference says itself
     * @param precision null for what the model's reference says itself
     * @throws UsageException if both say one, and not the same
     */
    public static String of(String model, @Nullable String weights, @Nullable Precision precision) {
        if (weights == null && precision == null) {
            return model;
        }
        ModelReference said = parse(model);
        WeightRegime regime = weights == null ? said.weights() : WeightRegime.parse(weights);
        Precision numbers = precision == null ? said.precision() : precision;
        if (!said.weights().isRaw() && !said.weights().equals(regime)) {
            throw new UsageException("The model " + model + " and --weights " + weights + " contradict each other.");
        }
        if (said.precision() != Precision.FP32 && said.precision() != numbers) {
            throw new UsageException("The model " + model + " and --precision " + numbers + " contradict each other.");
        }
        return new ModelReference(said.name(), regime, numbers).text();
    }

    /** The reference as text. */
    public String text() {
        List<String> how = new ArrayList<>();
        if (!weights.isRaw()) {
            how.add(weights.id());
        }
        if (precision != Precision.FP32) {
            how.add(precision.id());
        }
        return how.isEmpty() ? name : name + AT + String.join(",", how);
    }
}
