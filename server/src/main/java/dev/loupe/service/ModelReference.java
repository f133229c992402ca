package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.model.WeightRegime;
import org.jspecify.annotations.Nullable;

/**
 * How a model is named wherever one is asked for: its name, and behind {@code @} the regime of its weights unless they are
 * raw ({@code gpt2@fold_ln,center_writing_weights}).
 *
 * @param name {@code builtin}, a name in {@code models/}, or a path
 * @param weights how the checkpoint's weights are rewritten
 */
public record ModelReference(String name, WeightRegime weights) {
    private static final char AT = '@';

    /** Reads a reference; an {@code @} that no regime follows is part of the name. */
    public static ModelReference parse(String text) {
        int at = text.lastIndexOf(AT);
        if (at > 0) {
            try {
                return new ModelReference(text.substring(0, at), WeightRegime.parse(text.substring(at + 1)));
            } catch (UsageException e) {
                return new ModelReference(text, WeightRegime.RAW); // a name with an @
            }
        }
        return new ModelReference(text, WeightRegime.RAW);
    }

    /**
     * The reference of a model under a regime that is said apart.
     *
     * @param weights the regime's name; null for what the model's reference says itself
     * @throws UsageException if both say a regime, and not the same
     */
    public static String of(String model, @Nullable String weights) {
        if (weights == null) {
            return model;
        }
        ModelReference reference = parse(model);
        WeightRegime regime = WeightRegime.parse(weights);
        if (!reference.weights().isRaw() && !reference.weights().equals(regime)) {
            throw new UsageException("The model " + model + " and --weights " + weights + " contradict each other.");
        }
        return new ModelReference(reference.name(), regime).text();
    }

    /** The reference as text. */
    public String text() {
        return weights.isRaw() ? name : name + AT + weights.id();
    }
}
