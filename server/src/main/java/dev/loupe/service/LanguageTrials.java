package dev.loupe.service;

import dev.loupe.base.Json;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.VersionedJson;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.steer.language.LanguageTable;
import dev.loupe.steer.language.LanguageTrial;
import dev.loupe.steer.language.TrialJournal;
import dev.loupe.steer.language.TrialPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Trials of language steering, and their saved results. */
public final class LanguageTrials {
    private static final String FILE = "table.json";
    private static final String SHARE = "0.1";

    private final Workspace workspace;
    private final Models models;
    private final Saes saes;

    LanguageTrials(Workspace workspace, Models models, Saes saes) {
        this.workspace = workspace;
        this.models = models;
        this.saes = saes;
    }

    /** Runs a trial and saves its result under its name; one that was stopped goes on with the texts it has. */
    public LanguageTable run(TrialPlan plan, Progress progress) {
        Names.check(plan.name());
        plan.check();
        Path file = folder(plan.name()).resolve(FILE);
        VersionedJson.checkReplaceable(file, what(plan.name()));
        Sae sae = saes.open(plan.sae());
        String name = plan.model();
        LanguageModel model = models.open(name == null ? Models.BUILTIN : name);
        SaeNeeds.check(sae, model);
        sae.requireSae("steer");
        String text = plan.text();
        DocumentSource corpus = Corpora.of(text == null ? Corpora.EUROPARL : text, "");
        HeldOut held = heldOut(plan, model);
        List<String> identity = List.of(
                Json.line(plan),
                SaeIdentity.checksum(sae),
                model.weightsChecksum(),
                corpus.fingerprint(),
                held.describe());
        LanguageTable table;
        try (TrialJournal journal = TrialJournal.open(folder(plan.name()), identity)) {
            table = LanguageTrial.run(model, sae, corpus, held, plan, journal, progress);
            VersionedJson.write(file, what(plan.name()), table);
            journal.delete();
        }
        return table;
    }

    private static HeldOut heldOut(TrialPlan plan, LanguageModel model) {
        String rule = plan.heldOut();
        if (rule != null) {
            return HeldOut.parse(rule);
        }
        return model.heldOutHashes().isEmpty() ? HeldOut.parse(SHARE) : HeldOut.ofHashes(model.heldOutHashes());
    }

    /** Names of the saved results. */
    public List<String> list() {
        return Workspace.named(workspace.languages(), FILE);
    }

    /**
     * A saved result.
     *
     * @throws NotFoundException if there is none of this name
     */
    public LanguageTable get(String name) {
        Path file = folder(name).resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no trial of language steering \"" + name
                    + "\"; run loupe languages --sae SAE --name " + name + ".");
        }
        return VersionedJson.read(file, what(name), LanguageTable.class);
    }

    private static String what(String name) {
        return "trial of language steering " + name;
    }

    private Path folder(String name) {
        return workspace.languages().resolve(Names.check(name));
    }
}
