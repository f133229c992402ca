package dev.loupe.steer;

import dev.loupe.base.UsageException;
import java.util.Locale;

/**
 * What an edit does to a value {@code a} (a latent's or neuron's activation, or the component of the hook's value
 * along a vector). The hook's value changes by (a′ − a)·d only, so the part an SAE does not explain stays.
 */
public enum EditOp {
    /** a′ = a + strength, whether active or not. */
    ADD(true),
    /** a′ = strength. */
    SET(true),
    /** a′ = strength · a; 1 changes nothing. */
    SCALE(true),
    /** a′ = 0. */
    ABLATE(false),
    /** a′ = min(a, strength). */
    CAP(true),
    /** h′ = h − (h·d̂)·d̂: nothing along the direction is left, wherever it came from. */
    PROJECT(false);

    private final boolean strength;

    EditOp(boolean strength) {
        this.strength = strength;
    }

    /** The name used on the command line and in JSON. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it takes a strength. */
    public boolean needsStrength() {
        return strength;
    }

    /** Whether the strength has a unit (a factor has none). */
    public boolean hasUnit() {
        return strength && this != SCALE;
    }

    /**
     * The operation with this name.
     *
     * @throws UsageException if there is none
     */
    public static EditOp of(String name) {
        for (EditOp op : values()) {
            if (op.key().equals(name.toLowerCase(Locale.ROOT))) {
                return op;
            }
        }
        throw new UsageException("There is no edit \"" + name + "\"; use add, set, scale, ablate, cap or project.");
    }
}
