package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubSettings;
import dev.loupe.sae.CircuitTracerFormat;
import dev.loupe.sae.HubSae;
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
    private final Hub hub;

    SaeExchange(Workspace workspace, Saes saes) {
        this(workspace, saes, new Hub(HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home", ".")))));
    }

    SaeExchange(Workspace workspace, Saes saes, Hub hub) {
        this.workspace = workspace;
        this.saes = saes;
        this.hub = hub;
    }

    /**
     * Takes an SAE into the workspace.
     *
     * @param model id of its language model; empty if the file says it or nobody knows
     * @param hook the place that it reads; empty to take it from the file
     * @throws LoupeException if it cannot be read, or the name is taken
     */
    public SaeView take(SaeFormat format, Path source, String name, String model, String hook) {
        return take(format, source, name, model, hook, "");
    }

    /**
     * Takes what may be a transcoder whose files do not say so.
     *
     * @param hookOut the place that it writes; empty for an SAE, or to take it from the files
     */
    public SaeView take(SaeFormat format, Path source, String name, String model, String hook, String hookOut) {
        Path folder = workspace.saes().resolve(Names.check(name));
        if (Files.exists(folder)) {
            throw taken(name);
        }
        Sae sae = format.read(source, name, model, hook, hookOut);
        if (sae.hookName().isEmpty()) {
            throw new UsageException(
                    "The " + format.id()
                            + " format does not say where the SAE belongs: name its hook point, such as blocks.3.hook_resid_post.");
        }
        sae.save(folder);
        return saes.get(name);
    }

    /**
     * Fetches an SAE from the Hugging Face hub, into the cache that Python's libraries share, and takes it into the
     * workspace.
     *
     * @param name its name here; empty for one made of where it lies
     * @param model id of its language model; empty to take it from the files or the release
     * @param hook the place that it reads; empty to take it from the files or the release
     * @throws LoupeException if it cannot be fetched or read, or the name is taken
     */
    public SaeView pull(HubSae sae, String name, String model, String hook, Progress progress) {
        String chosen = name.isEmpty() ? nameOf(sae) : Names.check(name);
        if (Files.exists(workspace.saes().resolve(chosen))) {
            throw taken(chosen);
        }
        HubSae.Fetched f = sae.fetch(hub, progress);
        return take(
                f.format(), f.source(), chosen, model.isEmpty() ? f.model() : model, hook.isEmpty() ? f.hook() : hook);
    }

    private static String nameOf(HubSae sae) {
        String all = sae.id().name() + (sae.path().isEmpty() ? "" : "-" + sae.path());
        String name = all.replaceAll("[^A-Za-z0-9._-]+", "-");
        return Names.check(name.substring(0, Math.min(100, name.length())));
    }

    private static LoupeException taken(String name) {
        return new LoupeException("There is already an SAE " + name + ": choose another name or delete it first.");
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
