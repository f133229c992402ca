package dev.loupe.train;

import dev.loupe.base.UsageException;
import java.util.Locale;

/** By which number s training multiplies its input. Two conventions of the field share the name "normalised". */
public enum InputScale {
    /** E‖s·x‖² = 1: Gemma Scope, SAEBench, dictionary_learning. */
    UNIT_MEAN_SQUARED_NORM,
    /** E‖s·x‖ = √d: SAELens, Anthropic. */
    EXPECTED_AVERAGE_ONLY_IN,
    /** s = 1. */
    NONE;

    /** The name in {@code loupe.json}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The convention of a name. */
    public static InputScale of(String id) {
        for (InputScale c : values()) {
            if (c.id().equals(id)) {
                return c;
            }
        }
        throw new UsageException("There is no input scale \"" + id
                + "\"; there are unit_mean_squared_norm, expected_average_only_in and none.");
    }

    /** The factor s for activations of width d with the given means over the training rows. */
    public double factor(double meanSquaredNorm, double meanNorm, int d) {
        double factor = switch (this) {
            case UNIT_MEAN_SQUARED_NORM -> 1 / Math.sqrt(meanSquaredNorm);
            case EXPECTED_AVERAGE_ONLY_IN -> Math.sqrt(d) / meanNorm;
            case NONE -> 1;
        };
        if (!(factor > 0) || Double.isInfinite(factor)) {
            throw new dev.loupe.base.LoupeException(
                    "The activations have no size (all rows are zero or not numbers), so they cannot be scaled.");
        }
        return factor;
    }
}
