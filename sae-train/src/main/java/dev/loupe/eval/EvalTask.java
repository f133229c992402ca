package dev.loupe.eval;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One SAE to evaluate; each attempt writes a report under a name of its own, and one of them gets the name. Serialisable; {@code
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
     * @param file under a name of this attempt's own
     * @param checksum SHA-256 of the file
     */
    public record Made(Path file, String checksum) {}

    /** Does it: the report lies beside where it is going to be. */
    public Made attempt(
            Sae of, ActivationStore rows, LanguageModel model, @Nullable DocumentSource corpus, Progress progress) {
        SaeReport made = Evaluation.measure(of, rows, model, corpus, EvalOptions.standard(), progress);
        Path file = AtomicFiles.temporary(report);
        Evaluation.save(made, report.resolveSibling(""), file);
        return new Made(file, Checksums.sha256(file));
    }

    /**
     * Takes what an attempt has made: it has its name from now on, and what other attempts left goes.
     *
     * @throws TaskExecutor.Refused if it is not what the attempt said
     */
    public void publish(Made made) {
        String there = Files.isRegularFile(made.file()) ? Checksums.sha256(made.file()) : "none";
        if (!there.equals(made.checksum())) {
            throw new TaskExecutor.Refused(
                    "The report of " + sae + " is damaged or is not where a machine said it had" + " put it.");
        }
        try {
            AtomicFiles.publish(made.file(), report);
        } catch (IOException e) {
            throw AtomicFiles.failure(report, e);
        }
        AtomicFiles.sweep(report);
    }

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
        return List.of(made.file());
    }

    @Override
    public long memoryBytes() {
        return memory;
    }
}
