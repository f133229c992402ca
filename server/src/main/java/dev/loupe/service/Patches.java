package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NewerFormatException;
import dev.loupe.base.Progress;
import dev.loupe.base.VersionedJson;
import dev.loupe.model.LanguageModel;
import dev.loupe.patch.PatchFiles;
import dev.loupe.patch.PatchPlan;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.Patching;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.patch.task.Task;
import dev.loupe.patch.task.TaskPairs;
import dev.loupe.patch.task.TaskScore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Patching: which parts of the model caused the answer. */
public final class Patches {
    private static final String MEASURED = "file of measured tasks";

    private final Workspace workspace;
    private final Models models;
    private final Saes saes;

    Patches(Workspace workspace, Models models, Saes saes) {
        this.workspace = workspace;
        this.models = models;
        this.saes = saes;
    }

    /** Answers a request without saving the result. A request that names no model means the embedded one. */
    public PatchResult run(PatchRequest request, Progress progress) {
        return Patching.run(open(request.model()), request, saes::open, progress);
    }

    /** What a request will cost, from the time of a few prompts. */
    public PatchPlan plan(PatchRequest request, Progress progress) {
        return PatchPlan.of(open(request.model()), request, saes::open, progress);
    }

    /**
     * How a model does every task of the library, on held-out templates; measured once for the same weights.
     *
     * @param model its name; null for the embedded one
     */
    public List<TaskScore> tasks(@Nullable String model, Progress progress) {
        LanguageModel m = open(model);
        Path file = scores(m);
        List<Task> library = dev.loupe.patch.task.Tasks.all();
        Optional<List<TaskScore>> kept = kept(file, progress);
        if (kept.isPresent()) {
            return kept.get();
        }
        progress.stage("measuring tasks", library.size(), "tasks");
        List<TaskScore> scores = new ArrayList<>();
        TaskPairs pairs = new TaskPairs(m, true);
        for (Task t : library) {
            scores.add(pairs.score(t, progress));
            progress.advance(scores.size());
        }
        try {
            Files.createDirectories(workspace.patches());
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        VersionedJson.write(file, MEASURED, new Scores("1.1", m.id(), dev.loupe.patch.task.Tasks.checksum(), scores));
        return List.copyOf(scores);
    }

    /** The same, but only if it was measured before. */
    public Optional<List<TaskScore>> measured(@Nullable String model) {
        return kept(scores(open(model)), Progress.silent());
    }

    private Path scores(LanguageModel m) {
        return workspace.patches().resolve("tasks-" + m.weightsChecksum().substring(0, 16) + ".json");
    }

    private static Optional<List<TaskScore>> kept(Path file, Progress progress) {
        if (Files.isRegularFile(file)) {
            try {
                Scores known = VersionedJson.read(file, MEASURED, Scores.class);
                if (dev.loupe.patch.task.Tasks.checksum().equals(known.library())) {
                    return Optional.of(known.tasks());
                }
            } catch (NewerFormatException e) {
                throw e;
            } catch (LoupeException e) {
                progress.message("The measured tasks in " + file + " cannot be read; they are measured again.");
            }
        }
        return Optional.empty();
    }

    /** Measured tasks as they are kept. */
    private record Scores(
            String format, String model, @Nullable String library, List<TaskScore> tasks) {}

    /** The pairs of a task for a model. */
    public List<PatchPair> pairs(@Nullable String model, String task, int n, long seed) {
        return new TaskPairs(open(model), true).of(dev.loupe.patch.task.Tasks.of(task), n, seed);
    }

    /** How a model cuts a pair into tokens, and what is still wrong with the pair. */
    public PairTokens tokens(@Nullable String model, String clean, String corrupt, String answer, String wrong) {
        return PairTokens.of(open(model), clean, corrupt, answer, wrong);
    }

    private LanguageModel open(@Nullable String model) {
        return models.open(model == null ? Models.BUILTIN : model);
    }

    /**
     * Saves a result: its manifest {@code patch.json}, and its numbers as {@code cells.arrow} and {@code nodes.arrow}.
     *
     * @param name its name; null to make one from the time
     * @return the result with its id
     */
    public PatchResult save(PatchResult result, @Nullable String name) {
        return PatchFiles.save(workspace.patches(), result, name, (folder, saved) -> {
            AtomicFiles.write(folder.resolve("cells.arrow"), ArrowTable.bytes(PatchTables.cells(saved)));
            AtomicFiles.write(folder.resolve("nodes.arrow"), ArrowTable.bytes(PatchTables.nodes(saved)));
        });
    }

    /** Answers what a manifest asks, and saves the result under the name that it gives or one of the time. */
    public PatchResult run(PatchJob job, Progress progress) {
        if (job.name() != null && list().contains(Names.check(job.name()))) {
            throw new LoupeException(
                    "There is already a patching result " + job.name() + "; choose another name."); // before the work
        }
        return save(run(job.request(), progress), job.name());
    }

    /** A saved result's question asked again, and whether the answer is the same to the last bit. */
    public Rerun rerun(String id, Progress progress) {
        PatchResult saved = get(id);
        return Rerun.of(saved, run(saved.request(), progress));
    }

    /** Names of the saved results, newest first. */
    public List<String> list() {
        return PatchFiles.list(workspace.patches());
    }

    /**
     * A saved result.
     *
     * @throws dev.loupe.base.NotFoundException if there is none of that name
     */
    public PatchResult get(String id) {
        return PatchFiles.open(workspace.patches(), id);
    }
}
