package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.sae.CircuitTracerFormat;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeFormat;
import dev.loupe.sae.TranscoderSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

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

    /**
     * Takes a transcoder set or cross-layer transcoder of circuit-tracer, as the SAEs NAME-l0, NAME-l1, ...
     *
     * @param model id of its language model; empty to take it from the folder
     * @throws LoupeException if it cannot be read, or a name is taken
     */
    public List<SaeView> takeSet(Path source, String name, String model) {
        Names.check(name);
        TranscoderSet set = CircuitTracerFormat.read(source, name, model);
        for (int l = 0; l < set.size(); l++) {
            if (Files.exists(workspace.saes().resolve(TranscoderSet.nameOf(name, l)))) {
                throw new LoupeException("There is already an SAE " + TranscoderSet.nameOf(name, l)
                        + ": choose another name or delete it first.");
            }
        }
        List<SaeView> taken = new ArrayList<>();
        for (int l = 0; l < set.size(); l++) {
            set.layer(l).save(workspace.saes().resolve(TranscoderSet.nameOf(name, l)));
            taken.add(saes.get(TranscoderSet.nameOf(name, l)));
        }
        return taken;
    }

    /**
     * Writes a transcoder set of the workspace as a folder of circuit-tracer.
     *
     * @throws LoupeException if the target exists or circuit-tracer has no such set
     */
    public void giveSet(String name, Path target) {
        if (Files.exists(target)) {
            throw new LoupeException(target + " exists already: choose another name or delete it first.");
        }
        CircuitTracerFormat.write(TranscoderSet.open(workspace.saes(), name), target);
    }
}
