package dev.loupe.compare;

import dev.loupe.base.Task;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The largest cosines of two wide SAEs within some columns of the table of all of them, which are most of the work of matching
 * a pair. Serialisable; {@code loupe task} takes it as a request of kind {@value #KIND}.
 *
 * @param a folder of one SAE
 * @param b folder of the other
 * @param side 0 for decoders, 1 for encoders
 * @param from first column: a latent of the wider one
 * @param to behind the last
 * @param file what the files of attempts are named after
 * @param memory bytes that it takes
 */
@JsonNaming(SnakeCaseStrategy.class)
public record MatchBlockTask(Path a, Path b, int side, int from, int to, Path file, long memory)
        implements Task<MatchBlockTask.Made> {
    /** The kind of work. */
    public static final String KIND = "match-block";

    /**
     * Lists on disk, with a checksum inside.
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
        return "Cosines of " + a.getFileName() + " with " + b.getFileName() + ", "
                + (side == 0 ? "decoders" : "encoders") + " from " + from + " to " + to;
    }

    @Override
    public long size() {
        return to - from;
    }

    @Override
    public List<Path> inputs() {
        return List.of(a, b);
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
