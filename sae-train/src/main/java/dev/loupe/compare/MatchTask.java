package dev.loupe.compare;

import dev.loupe.base.Task;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * One pair of SAEs to match. Serialisable; {@code loupe task} takes it as
 * a request of kind {@value #KIND}.
 *
 * @param a name of one SAE
 * @param b name of the other
 * @param threshold least cosine of a shared pair
 * @param across whether they may be of different layers
 * @param memory bytes that it takes
 * @param inputs the folders of both, and the lists of their cosines if there are any
 */
@JsonNaming(SnakeCaseStrategy.class)
public record MatchTask(String a, String b, double threshold, boolean across, long memory, List<Path> inputs)
        implements Task<MatchTask.Made> {
    /** The kind of work. */
    public static final String KIND = "match";

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
    public List<Path> outputs(Made made) {
        return List.of(made.folder());
    }

    @Override
    public long memoryBytes() {
        return memory;
    }
}
