package dev.loupe.sae;

import dev.loupe.base.UsageException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Which latents of a sparse autoencoder are active for an input. */
public enum Architecture {
    /** f = max(π, 0), sparse by an L1 penalty in training (SAELens: {@code standard}). */
    RELU("relu", "standard"),
    /** The k largest pre-activations, rectified (Gao et al., arXiv 2406.04093). */
    TOPK("topk", "topk"),
    /** f = π where π exceeds a learned threshold per latent, else 0 (Rajamanoharan et al., arXiv 2407.14435). */
    JUMPRELU("jumprelu", "jumprelu");

    private final String id;
    private final String saeLensName;

    Architecture(String id, String saeLensName) {
        this.id = id;
        this.saeLensName = saeLensName;
    }

    /** The name in commands and in {@code loupe.json}: relu, topk, jumprelu. */
    public String id() {
        return id;
    }

    /** The name in the {@code cfg.json} of SAELens: standard, topk, jumprelu. */
    public String saeLensName() {
        return saeLensName;
    }

    /** That of a name in SAELens' {@code cfg.json}, where transcoders are named after their architecture, too. */
    public static Architecture ofSaeLens(String name) {
        String kind = name.replaceAll("_?(skip_)?transcoder$", "");
        if (kind.equals("gated") || kind.endsWith("batchtopk")) {
            return JUMPRELU; // read as that
        }
        return of(kind.isEmpty() ? "standard" : kind);
    }

    /**
     * The architecture of a name in commands or in SAELens' files.
     *
     * @throws UsageException if there is none, listing those that there are
     */
    public static Architecture of(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        for (Architecture a : values()) {
            if (a.id.equals(lower) || a.saeLensName.equals(lower)) {
                return a;
            }
        }
        throw new UsageException("There is no SAE architecture \"" + name + "\": choose one of "
                + Arrays.stream(values()).map(Architecture::id).collect(Collectors.joining(", ")) + ".");
    }
}
