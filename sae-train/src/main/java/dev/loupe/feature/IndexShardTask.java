package dev.loupe.feature;

import dev.loupe.base.Task;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Some blocks of a store to be encoded by an SAE for its index. Serialisable; {@code loupe task} takes it as a request of
 * kind {@value #KIND}.
 *
 * @param sae the folder of the SAE
 * @param store the folder of the store
 * @param codes the file that the codes of all blocks will lie in
 * @param identity of SAE and store
 * @param firstSequence of the store
 * @param endSequence behind the last one
 * @param firstBlock the number of the first block
 * @param blocks how many
 * @param rows of all of them
 * @param memory bytes that encoding takes
 */
@JsonNaming(SnakeCaseStrategy.class)
public record IndexShardTask(
        Path sae,
        Path store,
        Path codes,
        String identity,
        int firstSequence,
        int endSequence,
        int firstBlock,
        int blocks,
        long rows,
        long memory)
        implements Task<IndexShardTask.Made> {
    /** The kind of work. */
    public static final String KIND = "index-shard";

    /**
     * Codes on disk.
     *
     * @param file under a name of its own for every attempt
     */
    public record Made(Path file) {}

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public String title() {
        return "Encode blocks " + firstBlock + " to " + (firstBlock + blocks - 1) + " with " + sae.getFileName();
    }

    @Override
    public long size() {
        return rows;
    }

    @Override
    public List<Path> inputs() {
        return List.of(sae, store);
    }

    @Override
    public List<Path> outputs(Made made) {
        return List.of(made.file());
    }

    @Override
    public long memoryBytes() {
        return memory;
    }
}
