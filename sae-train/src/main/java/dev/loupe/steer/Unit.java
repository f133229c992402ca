package dev.loupe.steer;

import dev.loupe.base.UsageException;
import java.util.Locale;

/** What a strength is counted in. */
public enum Unit {
    /** Multiples of the latent's largest activation in its feature index. */
    MAX,
    /** Multiples of the size ‖h‖ of the value at the hook, at the position edited. */
    NORM,
    /** The activation's own unit. */
    ABSOLUTE;

    /** The name used in JSON. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The unit with this name.
     *
     * @throws UsageException if there is none
     */
    public static Unit of(String name) {
        for (Unit u : values()) {
            if (u.key().equals(name.toLowerCase(Locale.ROOT))) {
                return u;
            }
        }
        throw new UsageException("There is no unit of strength \"" + name + "\"; use max, norm or absolute.");
    }
}
