package dev.loupe.store;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.store.StoreManifest.DataFile;
import java.nio.charset.StandardCharsets;
import java.util.SequencedMap;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A shard of a store in the making whose tables are written and whose activations are not.
 *
 * @param shard its number
 * @param rows rows of it
 * @param sequences sequences of it
 * @param firstRow the number of its first row in the store
 * @param heldOutSequences how many of its sequences, from the first on, are held out
 * @param spec checksum of the store's spec, which lies in its folder
 * @param tables the files of its tables
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ShardPlan(
        int shard,
        int rows,
        int sequences,
        long firstRow,
        int heldOutSequences,
        String spec,
        SequencedMap<String, DataFile> tables) {

    static String checksum(StoreSpec spec) {
        return Checksums.sha256(Json.line(spec).getBytes(StandardCharsets.UTF_8));
    }
}
