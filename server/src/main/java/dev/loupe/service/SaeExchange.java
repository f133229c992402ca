package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeFormat;
import java.nio.file.Files;
import java.nio.file.Path;

/** SAEs from elsewhere into the workspace, and from it to elsewhere. */
public final class SaeExchange {
    private final Workspace workspace;
    private final Saes saes;

    SaeExchange(Workspace workspace, Saes saes) {
        this.workspace = workspace;
        this.saes = saes;
    }

    /**
     * Takes an SAE into the workspace.
     *
     * @param model id of its language model; empty if the file says it or nobody knows
     * @param hook the place that it reads; empty to take it from the file
     * @throws LoupeException if it cannot be read, or the name is taken
     */
    public SaeView take(SaeFormat format, Path source, String name, String model, String hook) {
        Path folder = workspace.saes().resolve(Names.check(name));
        if (Files.exists(folder)) {
            throw new LoupeException("There is already an SAE " + name + ": choose another name or delete it first.");
        }
        Sae sae = format.read(source, name, model, hook);
        if (sae.hookName().isEmpty()) {
            throw new UsageException(
                    "The " + format.id()
                            + " format does not say where the SAE belongs: name its hook point, such as blocks.3.hook_resid_post.");
        }
        sae.save(folder);
        return saes.get(name);
    }

    /**
     * Writes an SAE of the workspace in a format.
     *
     * @throws LoupeException if the target exists or the format has no such SAE
     */
    public void give(SaeFormat format, String name, Path target) {
        if (Files.exists(target)) {
            throw new LoupeException(target + " exists already: choose another name or delete it first.");
        }
        format.write(saes.open(name), target);
    }
}
