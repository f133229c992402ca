package dev.loupe.eval;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Measures an SAE on held-out text. */
public final class Evaluation {
    private Evaluation() {}

    /**
     * Measures an SAE and, if it has a folder, writes {@code report.json} there.
     *
     * @param model for the losses; null to leave them out
     * @param text whose documents the losses are measured on, all of them; null for the held-out documents of the store
     * @throws dev.loupe.base.LoupeException if SAE, store and model do not fit together, or nothing is held out
     */
    public static SaeReport run(
            Sae sae,
            ActivationStore store,
            @Nullable LanguageModel model,
            @Nullable DocumentSource text,
            EvalOptions options,
            Progress progress) {
        throw new UnsupportedOperationException("SAEs cannot be evaluated yet");
    }

    /** The report that an earlier evaluation left in the SAE's folder, if it can be read. */
    public static Optional<SaeReport> saved(Path saeFolder) {
        Path file = saeFolder.resolve(SaeReport.FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        SaeReport report = Json.read(file, SaeReport.class);
        return report.format() != null && report.format().startsWith("1.") ? Optional.of(report) : Optional.empty();
    }
}
