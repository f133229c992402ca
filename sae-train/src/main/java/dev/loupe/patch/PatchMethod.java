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
    IG("ig"),
    /**
     * {@link #ATP} whose scores of queries and keys take the exact change of the attention pattern, and only what comes
     * behind the pattern as linear (arXiv 2403.00745, section 3.1).
     */
    ATP_QK("atp_qk"),
    /**
     * GradDrop (arXiv 2403.00745, section 3.2): one backward for each layer, with the gradient through what that layer
     * adds dropped; the mean of the absolute scores, so that effects do not cancel. Scores have no sign.
     */
    ATP_DROP("atp_drop"),
    /** AtP*: both at once. Scores have no sign. */
    ATP_STAR("atp_star");

    private final String key;

    PatchMethod(String key) {
        this.key = key;
    }

    /** The name used on the command line and in JSON. */
    public String key() {
        return key;
    }

    /** Whether the exact change of the attention pattern is used at queries and keys. */
    boolean fixesPatterns() {
        return this == ATP_QK || this == ATP_STAR;
    }

    /** Whether one backward is made for each dropped layer; scores then have no sign. */
    public boolean dropsLayers() {
        return this == ATP_DROP || this == ATP_STAR;
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
        throw new UsageException("There is no patching method \"" + name
                + "\"; use relp, atp, ap, ig, atp_qk, atp_drop or" + " atp_star.");
    }
}
