package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.patch.PatchFiles;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.Patching;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Patching: which parts of the model caused the answer. */
public final class Patches {
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
        String model = request.model();
        return Patching.run(models.open(model == null ? Models.BUILTIN : model), request, saes::open, progress);
    }

    /**
     * Saves a result.
     *
     * @param name its name; null to make one from the time
     * @return the result with its id
     */
    public PatchResult save(PatchResult result, @Nullable String name) {
        return PatchFiles.save(workspace.patches(), result, name);
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
