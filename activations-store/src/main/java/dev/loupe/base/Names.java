package dev.loupe.base;

import java.util.regex.Pattern;

/** Names of stores, SAEs, variants and other artifacts: they are folder names and parts of addresses. */
public final class Names {
    private static final Pattern VALID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

    private Names() {}

    /**
     * Returns the name if it may name an artifact.
     *
     * @throws UsageException if it holds anything but letters, digits, dot, underscore and hyphen, or is too long
     */
    @SuppressWarnings("ConstantValue") // names come from JSON, which leaves out what it likes
    public static String check(String name) {
        if (name == null) {
            throw new UsageException("A name is missing: say which store, SAE or result is meant.");
        }
        if (!VALID.matcher(name).matches()) {
            throw new UsageException("The name \"" + name + "\" is not usable: take up to 100 letters, digits, dots,"
                    + " underscores or hyphens, beginning with a letter or digit.");
        }
        return name;
    }
}
