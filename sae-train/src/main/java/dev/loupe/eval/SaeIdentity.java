package dev.loupe.eval;

import dev.loupe.base.Checksums;
import dev.loupe.base.UsageException;
import dev.loupe.sae.Sae;
import java.nio.file.Path;
import java.util.Optional;

/** Which SAE exactly a report or an index is about. */
public final class SaeIdentity {
    private static final String WEIGHTS = "sae_weights.safetensors";

    private SaeIdentity() {}

    /** The folder of an SAE; empty if it exists in memory only. */
    public static Optional<Path> folder(Sae sae) {
        try {
            return Optional.of(sae.folder());
        } catch (UsageException inMemory) {
            return Optional.empty();
        }
    }

    /** SHA-256 of the SAE's weights file; empty if it was never saved. */
    public static String checksum(Sae sae) {
        return folder(sae).map(f -> Checksums.sha256(f.resolve(WEIGHTS))).orElse("");
    }
}
