package dev.loupe.feature;

import dev.loupe.base.VersionedJson;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What {@code index.json} says.
 *
 * @param format version of the layout, major.minor
 * @param sae name of the SAE
 * @param saeChecksum SHA-256 of its weights file; empty if the SAE was never saved
 * @param store name of the activation store
 * @param storeFingerprint of the store
 * @param model id of the language model
 * @param hook the place
 * @param dSae number of latents
 * @param tokens rows of the store that were indexed
 * @param heldOutTokens those of held-out documents
 * @param dead latents that are active on no token
 * @param heldOutDead latents that are active on no held-out token
 * @param l0 mean number of active latents per token, over all tokens
 * @param options how much was kept
 * @param logitLens how the promoted tokens were computed, or why there are none
 * @param seconds the pass took
 * @param files size, rows and checksum of every file
 */
@JsonNaming(SnakeCaseStrategy.class)
public record IndexManifest(
        String format,
        String sae,
        String saeChecksum,
        String store,
        String storeFingerprint,
        String model,
        String hook,
        int dSae,
        long tokens,
        long heldOutTokens,
        int dead,
        int heldOutDead,
        double l0,
        IndexOptions options,
        String logitLens,
        double seconds,
        Map<String, TableFile> files) {
    /** Name of the manifest inside an index folder. */
    public static final String FILE = "index.json";

    /** The version that this code writes. */
    public static final String FORMAT = "1.4";

    /**
     * Reads the manifest of an index.
     *
     * @param folder the index
     * @throws dev.loupe.base.NotFoundException if it holds none
     * @throws dev.loupe.base.NewerFormatException if a later Loupe wrote it
     */
    public static IndexManifest read(Path folder) {
        return VersionedJson.read(folder.resolve(FILE), what(folder), IndexManifest.class);
    }

    /** Refuses to build an index in place of one that a later Loupe built. */
    static void checkReplaceable(Path folder) {
        VersionedJson.checkReplaceable(folder.resolve(FILE), what(folder));
    }

    private static String what(Path folder) {
        return "feature index " + folder.toAbsolutePath().normalize().getFileName();
    }

    /**
     * One file of an index.
     *
     * @param bytes its size
     * @param rows of the table
     * @param batchRows rows of every record batch but the last
     * @param crc32c of its content, hexadecimal
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record TableFile(long bytes, long rows, int batchRows, String crc32c) {}
}
