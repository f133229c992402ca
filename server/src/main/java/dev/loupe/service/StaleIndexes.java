package dev.loupe.service;

import dev.loupe.eval.SaeIdentity;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.IndexManifest;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Indexes that were made of other weights than their SAE has now: retrained, or imported anew under its name. */
final class StaleIndexes {
    private static final String WEIGHTS = "sae_weights.safetensors";

    private final Workspace workspace;
    private final Saes saes;
    private final Map<String, Looked> looked = new ConcurrentHashMap<>();

    private record Looked(FileTime weights, FeatureIndex index, boolean stale) {}

    StaleIndexes(Workspace workspace, Saes saes) {
        this.workspace = workspace;
        this.saes = saes;
    }

    /** What to tell people about an index of other weights; empty for one that is of these. */
    Optional<String> warning(String sae, FeatureIndex index) {
        return isStale(sae, index)
                ? Optional.of("The feature index of " + sae
                        + " was made of other weights than this SAE has now: labels, examples and numbers are of the"
                        + " earlier ones. Run loupe index " + sae + ".")
                : Optional.empty();
    }

    /** Weights older than the index are not read: whoever copies a workspace keeps the order of its files. */
    private boolean isStale(String sae, FeatureIndex index) {
        Path weights = workspace.saes().resolve(sae).resolve(WEIGHTS);
        String made = index.manifest().saeChecksum();
        try {
            if (made.isEmpty() || !Files.isRegularFile(weights)) {
                return false;
            }
            FileTime written = Files.getLastModifiedTime(weights);
            FileTime indexed =
                    Files.getLastModifiedTime(workspace.features().resolve(sae).resolve(IndexManifest.FILE));
            if (written.compareTo(indexed) <= 0) {
                return false;
            }
            Looked known = looked.get(sae);
            if (known == null || known.index != index || !known.weights.equals(written)) {
                Sae now = saes.open(sae);
                known = new Looked(written, index, !made.equals(SaeIdentity.checksum(now)));
                looked.put(sae, known);
            }
            return known.stale;
        } catch (IOException e) {
            return false; // gone meanwhile: whoever opens it says so
        }
    }
}
