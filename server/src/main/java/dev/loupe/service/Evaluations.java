package dev.loupe.service;

import dev.loupe.base.Checksums;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.eval.EvalOptions;
import dev.loupe.eval.Evaluation;
import dev.loupe.eval.SaeReport;
import dev.loupe.eval.SetEvaluation;
import dev.loupe.eval.SetReport;
import dev.loupe.sae.Sae;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Report cards: how well an SAE does on text that no training saw. */
public final class Evaluations {
    private static final String WEIGHTS = "sae_weights.safetensors";

    private final Workspace workspace;
    private final Models models;
    private final Stores stores;
    private final Saes saes;

    Evaluations(Workspace workspace, Models models, Stores stores, Saes saes) {
        this.workspace = workspace;
        this.models = models;
        this.stores = stores;
        this.saes = saes;
    }

    /** The report that an earlier evaluation of this very SAE left, if there is one. */
    public Optional<SaeReport> report(String sae) {
        return Evaluation.saved(saes.folder(sae));
    }

    /** The report of an SAE that may not be there. */
    public Optional<SaeReport> find(String sae) {
        return saes.names().contains(sae) ? report(sae) : Optional.empty();
    }

    /** Whether there is a report of exactly this SAE on exactly the store it was trained on, with losses. */
    public boolean isCurrent(String sae) {
        Optional<SaeReport> report = report(sae);
        if (report.isEmpty() || report.get().loss() == null) {
            return false;
        }
        try (ActivationStore store = stores.open(saes.store(sae))) {
            return report.get().storeFingerprint().equals(store.fingerprint())
                    && report.get()
                            .saeChecksum()
                            .equals(Checksums.sha256(saes.folder(sae).resolve(WEIGHTS)));
        }
    }

    /** Evaluates an SAE on the held-out rows of the store it was trained on. */
    public SaeReport run(String sae, @Nullable String text, Progress progress) {
        return run(sae, null, text, progress);
    }

    /**
     * Evaluates an SAE on the held-out rows of a store.
     *
     * @param chosen the store; null for the one it was trained on
     * @param text the corpus for the losses; null for the held-out documents of the store's own
     */
    public SaeReport run(String sae, @Nullable String chosen, @Nullable String text, Progress progress) {
        Sae s = saes.open(sae);
        DocumentSource source = text == null ? null : Corpora.of(text, Corpora.DEFAULT_JSON_FIELD);
        try (ActivationStore store = stores.open(chosen == null ? saes.store(sae) : chosen)) {
            return Evaluation.run(s, store, models.of(s), source, EvalOptions.standard(), progress);
        }
    }

    /** Whether a name is that of a transcoder set rather than of an SAE. */
    public boolean isSet(String name) {
        return TranscoderSet.isSet(workspace.saes(), name);
    }

    /** The report that an earlier evaluation of this set as a whole left, if there is one. */
    public Optional<SetReport> setReport(String name) {
        return SetReport.saved(workspace.saes(), Names.check(name));
    }

    /** Where {@link #runSet} saves the report of a set. */
    public Path setReportFile(String name) {
        return SetReport.file(workspace.saes(), Names.check(name));
    }

    /**
     * Evaluates a transcoder set or cross-layer transcoder as a whole.
     *
     * @param chosen the store; null for the one it was trained on
     */
    public SetReport runSet(String name, @Nullable String chosen, Progress progress) {
        TranscoderSet set = TranscoderSet.open(workspace.saes(), name);
        String layer = TranscoderSet.nameOf(name, 0);
        try (ActivationStore store = stores.open(chosen == null ? saes.store(layer) : chosen)) {
            return SetEvaluation.run(set, store, models.of(set.layer(0)), EvalOptions.standard(), progress);
        }
    }
}
