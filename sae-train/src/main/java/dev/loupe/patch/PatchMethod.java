package dev.loupe.patch;

import dev.loupe.base.UsageException;
import java.util.Locale;

/** How the effect of putting a clean value into the corrupted run is found. */
public enum PatchMethod {
    /** Exact: one corrupted run per cell with the clean value put in (activation patching). */
    AP("ap"),
    /** (clean − corrupt) · gradient of the metric at the corrupted run (attribution patching, arXiv 2403.00745). */
    ATP("atp"),
    /** Like {@link #ATP} with the relevance-modified gradient (RelP, arXiv 2508.21258). */
    RELP("relp"),
    /** (clean − corrupt) · gradient averaged over the straight way from corrupt to clean, one site at a time. */
    IG("ig");

    private final String key;

    PatchMethod(String key) {
        this.key = key;
    }

    /** The name used on the command line and in JSON. */
    public String key() {
        return key;
    }

    /**
     * The method with this name.
     *
     * @throws UsageException if there is none
     */
    public static PatchMethod of(String name) {
        for (PatchMethod m : values()) {
            if (m.key.equals(name.toLowerCase(Locale.ROOT))) {
                return m;
            }
        }
        throw new UsageException("There is no patching method \"" + name + "\"; use relp, atp, ap or ig.");
    }
}
