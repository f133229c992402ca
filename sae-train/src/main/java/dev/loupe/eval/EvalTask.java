package dev.loupe.eval;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.Task;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One SAE to evaluate; its report appears whole in its folder, whoever writes it and however often. Serialisable; {@code
 * loupe task} takes it as a request of kind {@value #KIND}.
 *
 * @param sae its name
 * @param store with the rows to measure on; null for the one that it was trained on
 * @param text corpus for the losses; null for the store's held-out documents
 * @param memory bytes that it takes
 * @param inputs the folders of the SAE, of its store, and of its model if that lies in the workspace
 * @param report the file of its report
 */
public record EvalTask(
        String sae, @Nullable String store, @Nullable String text, long memory, List<Path> inputs, Path report)
        implements Task<EvalTask.Made> {
    /** The kind of work. */
    public static final String KIND = "eval-sae";

    /**
     * A report on disk.
     *
     * @param saeChecksum of the SAE that was evaluated
     */
    public record Made(@JsonProperty("sae_checksum") String saeChecksum) {}

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public String title() {
        return "Evaluate " + sae;
    }

    @Override
    public long size() {
        return 1;
    }

    @Override
    public List<Path> outputs(Made made) {
        return List.of(report);
    }

    @Override
    public long memoryBytes() {
        return memory;
    }
}
