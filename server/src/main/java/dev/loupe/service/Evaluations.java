package dev.loupe.service;

import dev.loupe.base.Checksums;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.cluster.Executors;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.eval.EvalOptions;
import dev.loupe.eval.EvalTask;
import dev.loupe.eval.Evaluation;
import dev.loupe.eval.SaeReport;
import dev.loupe.eval.SetEvaluation;
import dev.loupe.eval.SetReport;
import dev.loupe.sae.Sae;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Report cards: how well an SAE does on text that no training saw. */
public final class Evaluations {
    private static final String WEIGHTS = "sae_weights.safetensors";

    private final Workspace workspace;
    private final Models models;
    private final Stores stores;
    private final Saes saes;

    private final Executors executors;

    Evaluations(Workspace workspace, Models models, Stores stores, Saes saes, Executors executors) {
        this.workspace = workspace;
        this.models = models;
        this.stores = stores;
        this.saes = saes;
        this.executors = executors;
    }

    /** The report that an earlier evaluation of this very SAE left, if there is one. */
    public Optional<SaeReport> report(String sae) {
        return Evaluation.saved(saes.folder(sae));
    }

    /** The report of an SAE that may not be there; nothing of a damaged one, which the next evaluation makes again. */
    public Optional<SaeReport> find(String sae) {
        return saes.names().contains(sae) ? Evaluation.usable(saes.folder(sae)) : Optional.empty();
    }

    /** Whether there is a report of exactly this SAE on exactly the store it was trained on, with losses. */
    public boolean isCurrent(String sae) {
        return isCurrent(sae, null);
    }

    /**
     * Whether there is a report of exactly this SAE on exactly a store, with losses.
     *
     * @param chosen the store; null for the one it was trained on
     */
    public boolean isCurrent(String sae, @Nullable String chosen) {
        Optional<SaeReport> report = Evaluation.usable(saes.folder(sae));
        if (report.isEmpty() || report.get().loss() == null) {
            return false;
        }
        try (ActivationStore store = stores.open(chosen == null ? saes.store(sae) : chosen)) {
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

    /**
     * Makes the reports that are missing or out of date on the cluster, if there is one; does nothing else.
     *
     * @param store null for the one that each was trained on
     * @param text null for the store's held-out documents
     */
    public void elsewhere(List<String> names, @Nullable String store, @Nullable String text, Progress progress) {
        if (!executors.remote()) {
            return;
        }
        String told = text == null ? null : executors.text(text);
        long weights = 0;
        List<EvalTask> tasks = new ArrayList<>();
        for (String name : names) {
            executors.fetch(
                    workspace.activations().resolve(store == null ? saes.store(name) : Names.check(store)), progress);
            if (text != null || !isCurrent(name, store)) {
                Sae s = saes.open(name);
                if (!models.elsewhere(s.modelId(), executors).equals(s.modelId())) {
                    throw new UsageException("The SAE " + name
                            + " names its model by a path from where its store was captured (" + s.modelId()
                            + "), which the machines of the cluster cannot follow: evaluate it here (--on local), or"
                            + " capture with the absolute path.");
                }
                weights = Math.max(weights, models.weightBytes(s.modelId()));
                tasks.add(new EvalTask(
                        name,
                        store,
                        told,
                        16L * s.dSae() * s.dIn(),
                        inputs(s, store),
                        saes.folder(name).resolve(SaeReport.FILE)));
            }
        }
        if (tasks.isEmpty()) {
            return;
        }
        List<Path> folders = tasks.stream().map(t -> saes.folder(t.sae())).toList();
        try (Executors.Claim claim = executors.claim(folders, progress)) {
            progress.stage("evaluate", tasks.size(), "SAEs");
            executors
                    .get(progress, weights)
                    .run(tasks.iterator(), EvalTask.Made.class, this::attempt, EvalTask::publish, progress);
            folders.forEach(folder -> executors.keep(folder, progress));
        }
    }

    private List<Path> inputs(Sae s, @Nullable String store) {
        List<Path> inputs = new ArrayList<>(
                List.of(saes.folder(s.name()), stores.folder(store == null ? saes.store(s.name()) : store)));
        Path model = models.own(s.modelId());
        if (model != null) {
            inputs.add(model);
        }
        return inputs;
    }

    /** Does a task: what another process is asked for. */
    EvalTask.Made attempt(EvalTask task, Progress progress) {
        models.fetch(saes.open(task.sae()).modelId(), progress); // a model of the hub, which this machine may not have
        Sae s = saes.open(task.sae());
        String text = task.text();
        DocumentSource source = text == null ? null : Corpora.of(text, Corpora.DEFAULT_JSON_FIELD);
        String chosen = task.store();
        try (ActivationStore store = stores.open(chosen == null ? saes.store(task.sae()) : chosen)) {
            return task.attempt(s, store, models.of(s), source, progress);
        }
    }

    /** Whether a name is that of a transcoder set rather than of an SAE. */
    public boolean isSet(String name) {
        return TranscoderSet.isSet(workspace.saes(), name);
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
        if (executors.remote()) {
            progress.message("The set " + name + " is evaluated on this machine: a cluster evaluates single SAEs.");
        }
        String layer = TranscoderSet.nameOf(name, 0);
        try (ActivationStore store = stores.open(chosen == null ? saes.store(layer) : chosen)) {
            return SetEvaluation.run(set, store, models.of(set.layer(0)), EvalOptions.standard(), progress);
        }
    }
}
