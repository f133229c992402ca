package dev.loupe.client;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * One change while a model writes. Exactly one of feature, neuron and vector is given.
 *
 * @param feature {@code SAE:ID}
 * @param neuron {@code LAYER:INDEX}
 * @param vector name of a saved vector
 * @param op add, set, scale, ablate, cap or project
 * @param strength how much; null for ablate and project
 * @param unit max, norm or absolute; null for the default (max for features, absolute else)
 * @param positions all, prompt, generated or A-B; null for all
 * @param schedule for example {@code "fade 10-40"}; null for none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Edit(
        @Nullable String feature,
        @Nullable String neuron,
        @Nullable String vector,
        String op,
        @Nullable Double strength,
        @Nullable String unit,
        @Nullable String positions,
        @Nullable String schedule) {
    /** Adds to a feature, in multiples of its largest activation. */
    public static Edit add(String sae, int id, double strength) {
        return new Edit(sae + ":" + id, null, null, "add", strength, null, null, null);
    }

    /** Sets a feature, in multiples of its largest activation. */
    public static Edit set(String sae, int id, double strength) {
        return new Edit(sae + ":" + id, null, null, "set", strength, null, null, null);
    }

    /** Takes a feature out. */
    public static Edit ablate(String sae, int id) {
        return new Edit(sae + ":" + id, null, null, "ablate", null, null, null, null);
    }

    /** Adds a saved vector. */
    public static Edit vector(String name, double strength) {
        return new Edit(null, null, name, "add", strength, null, null, null);
    }

    /** The same at other positions. */
    public Edit at(String where) {
        return new Edit(feature, neuron, vector, op, strength, unit, where, schedule);
    }

    /** The same with its strength counted in another unit. */
    public Edit in(String counted) {
        return new Edit(feature, neuron, vector, op, strength, counted, positions, schedule);
    }

    /** The same growing or fading as the text goes on. */
    public Edit over(String rule) {
        return new Edit(feature, neuron, vector, op, strength, unit, positions, rule);
    }
}
