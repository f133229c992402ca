package dev.loupe.compare;

import dev.loupe.base.Task;
import java.nio.file.Path;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * One pair of SAEs to match: a block of the table of all pairs of an experiment. Serialisable; {@code loupe task} takes it as
 * a request of kind {@value #KIND}.
 *
 * @param a name of one SAE
 * @param b name of the other
 * @param threshold least cosine of a shared pair
 * @param across whether they may be of different layers
 * @param memory bytes that it takes
 */
@JsonNaming(SnakeCaseStrategy.class)
public record MatchBlockTask(String a, String b, double threshold, boolean across, long memory)
        implements Task<MatchBlockTask.Made> {
    /** The kind of work. */
    public static final String KIND = "match-block";

    /**
     * A matching on disk.
     *
     * @param folder under a name of its own for every attempt
     * @param checksum of its main file
     */
    public record Made(Path folder, String checksum) {}

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public String title() {
        return "Match " + a + " with " + b;
    }

    @Override
    public long size() {
        return 1;
    }

    @Override
    public long memoryBytes() {
        return memory;
    }
}
