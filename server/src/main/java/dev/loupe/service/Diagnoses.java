package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.DiagnosticFiles;
import dev.loupe.diagnose.DiagnosticResult;
import dev.loupe.diagnose.DiagnosticRun;
import dev.loupe.diagnose.Limits;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SavedResults;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.TextSample;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.diagnose.memory.NeuronCard;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.store.ActivationStore;
import dev.loupe.train.KeptSteps;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Diagnostics from the literature: running them, and their saved results. */
public final class Diagnoses {
    private static final int CONTEXT = 256;
    private static final long NEURON_TOKENS = 8192;

    private final Workspace workspace;
    private final Models models;
    private final Stores stores;
    private final Saes saes;
    private final Map<String, TextSample> texts = new ConcurrentHashMap<>(); // by checksum of the model

    Diagnoses(Workspace workspace, Models models, Stores stores, Saes saes) {
        this.workspace = workspace;
        this.models = models;
        this.stores = stores;
        this.saes = saes;
    }

    /** Looks at a request closely enough to refuse nonsense before any work. */
    public void check(DiagnoseSpec spec) {
        spec.diagnostics().forEach(Diagnostics::of);
        spec.saes().forEach(saes::folder);
        spec.checkpoints().forEach(saes::folder);
        String store = spec.store();
        if (store != null) {
            stores.folder(store);
        }
    }

    /**
     * Runs diagnostics together and saves each result as soon as it is there. Results of an earlier run with the same
     * inputs stand, so that a run that was stopped goes on where it was.
     */
    public DiagnoseReport run(DiagnoseSpec spec, Progress progress) {
        check(spec);
        List<Sae> opened = spec.saes().stream().map(saes::open).toList();
        String storeName = store(spec, opened);
        try (Closer store = new Closer(storeName == null ? null : stores.open(storeName))) {
            Subject subject = subject(spec, opened, store.store);
            List<Diagnostic> chosen = spec.diagnostics().isEmpty()
                    ? DiagnosticRun.possible(Diagnostics.all(), subject)
                    : spec.diagnostics().stream().map(Diagnostics::of).toList();
            DiagnosticRun.Report report = DiagnosticRun.run(
                    chosen, subject, new SavedResults(workspace.diagnostics(), spec.again()), progress);
            if (report.done().isEmpty() && !report.refused().isEmpty()) {
                throw new LoupeException(report.refused().values().iterator().next());
            }
            List<DiagnoseReport.Row> rows =
                    report.done().stream().map(Diagnoses::row).toList();
            report.refused().forEach((id, why) -> progress.message(id + ": " + why));
            return new DiagnoseReport(rows, report.refused(), report.streams());
        }
    }

    private static DiagnoseReport.Row row(DiagnosticRun.Done done) {
        DiagnosticResult r = done.result();
        return new DiagnoseReport.Row(
                r.id(),
                r.diagnostic(),
                r.question(),
                r.answer(),
                r.numbers(),
                r.made().seconds(),
                done.kept());
    }

    /** Names of the saved results, newest first. */
    public List<String> list() {
        return DiagnosticFiles.list(workspace.diagnostics());
    }

    /** The saved results, newest first; those that cannot be read are left out. */
    public List<DiagnosticResult> results() {
        List<DiagnosticResult> all = new ArrayList<>();
        for (String id : list()) {
            try {
                all.add(get(id));
            } catch (LoupeException e) {
                // named where it is opened; a list shows what can be shown
            }
        }
        return all;
    }

    /**
     * A saved result.
     *
     * @throws dev.loupe.base.NotFoundException if there is none of this name
     */
    public DiagnosticResult get(String id) {
        return DiagnosticFiles.open(workspace.diagnostics(), id);
    }

    /** The table of a saved result. */
    public ResultTable table(String id) {
        return DiagnosticFiles.table(workspace.diagnostics(), get(id));
    }

    /** The Arrow file with the table of a saved result. */
    public Path tableFile(String id) {
        return DiagnosticFiles.tableFile(workspace.diagnostics(), id);
    }

    /**
     * A neuron as a key and a value, on some documents of the built-in text.
     *
     * @param model its name; null for the embedded one
     */
    public NeuronCard neuron(@Nullable String model, int layer, int neuron, Progress progress) {
        LanguageModel m = models.open(model == null ? Models.BUILTIN : model);
        TextSample text = texts.computeIfAbsent(
                m.weightsChecksum(),
                checksum -> TextSample.of(Corpora.of(Corpora.EUROPARL, ""), m, CONTEXT, NEURON_TOKENS, 0));
        return NeuronCard.of(m, text, layer, neuron, progress);
    }

    private @Nullable String store(DiagnoseSpec spec, List<Sae> opened) {
        String named = spec.store();
        if (named != null || opened.isEmpty()) {
            return named;
        }
        try {
            String own = saes.store(opened.getFirst().name());
            stores.folder(own);
            return own;
        } catch (LoupeException e) {
            return null; // diagnostics of rows are then left out, or ask for a store
        }
    }

    private Subject subject(DiagnoseSpec spec, List<Sae> opened, @Nullable ActivationStore store) {
        Limits limits = Limits.standard();
        limits = new Limits(
                spec.tokens() == 0 ? limits.tokens() : spec.tokens(),
                spec.trialTokens() == 0 ? limits.trialTokens() : spec.trialTokens(),
                spec.tokens() == 0 ? limits.rows() : spec.tokens(),
                limits.memory(),
                spec.seed());
        List<Sae> steps = steps(spec, opened);
        LanguageModel model = spec.checkpoints().isEmpty() || !opened.isEmpty() || store != null || spec.model() != null
                ? model(spec, opened, store)
                : null;
        if (store != null) {
            for (Sae s : opened) {
                SaeNeeds.check(s, store);
            }
        }
        return new Subject(
                model, model == null ? null : text(spec, model, store, limits), store, opened, steps, limits);
    }

    /** The named SAEs, or what the training of one has kept on its way. */
    private List<Sae> steps(DiagnoseSpec spec, List<Sae> opened) {
        List<String> named = spec.checkpoints().isEmpty()
                ? opened.stream().limit(1).map(Sae::name).toList()
                : spec.checkpoints();
        if (named.size() != 1) {
            return named.stream().map(saes::open).toList();
        }
        List<Sae> kept = KeptSteps.of(saes.folder(named.getFirst()));
        if (kept.size() == 1 && !spec.checkpoints().isEmpty()) {
            throw new UsageException("The training of " + named.getFirst() + " kept no checkpoints: train with --set"
                    + " keep_every=10%, or name several SAEs in the order of their steps.");
        }
        return kept;
    }

    private LanguageModel model(DiagnoseSpec spec, List<Sae> opened, @Nullable ActivationStore store) {
        String named = spec.model();
        LanguageModel model = named != null
                ? models.open(named)
                : store != null
                        ? models.open(
                                ModelReference.of(store.manifest().content().model())
                                        .text())
                        : opened.isEmpty() ? models.open(Models.BUILTIN) : models.of(opened.getFirst());
        if (store != null
                && !store.manifest().content().model().weightsChecksum().equals(model.weightsChecksum())) {
            throw new UsageException("The store " + store.name() + " was captured from another model than " + model.id()
                    + ": name the model " + store.manifest().content().model().id() + ", or another store.");
        }
        for (Sae s : opened) {
            SaeNeeds.check(s, model);
        }
        return model;
    }

    private static TextSample text(
            DiagnoseSpec spec, LanguageModel model, @Nullable ActivationStore store, Limits limits) {
        String text = spec.text();
        return text == null && store != null
                ? TextSample.of(store, limits.tokens(), limits.seed())
                : TextSample.of(
                        Corpora.of(text == null ? Corpora.EUROPARL : text, ""),
                        model,
                        spec.context() == 0 ? CONTEXT : spec.context(),
                        limits.tokens(),
                        limits.seed());
    }

    /** A store that is closed, if there is one. */
    private record Closer(@Nullable ActivationStore store) implements AutoCloseable {
        @Override
        public void close() {
            if (store != null) {
                store.close();
            }
        }
    }
}
