package dev.loupe.service;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeFiles;
import dev.loupe.sae.SaeProvenance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** SAEs: what there is, and opening them. */
public final class Saes {
    static final String CONFIG = "cfg.json";
    private static final String PROVENANCE = "loupe.json";

    private final Workspace workspace;
    private final Map<String, Opened> open = new ConcurrentHashMap<>();

    private final Map<String, Seen> seen = new ConcurrentHashMap<>();

    private record Opened(FileTime written, Sae sae) {}

    Saes(Workspace workspace) {
        this.workspace = workspace;
    }

    /** Every SAE, by name. */
    public List<SaeView> list() {
        return names().stream().map(this::view).toList();
    }

    /** The names of all SAEs. */
    public List<String> names() {
        return Workspace.named(workspace.saes(), CONFIG);
    }

    /**
     * One SAE, without its weights.
     *
     * @throws NotFoundException if there is none of that name, listing those there are
     */
    public SaeView get(String name) {
        folder(name);
        return view(name);
    }

    /** The folder of an SAE, which must be there. */
    public Path folder(String name) {
        Path folder = workspace.saes().resolve(Names.check(name));
        if (!Files.isRegularFile(folder.resolve(CONFIG))) {
            List<String> all = names();
            throw new NotFoundException("There is no SAE \"" + name + "\"; "
                    + (all.isEmpty()
                            ? "make one with loupe train."
                            : "there " + (all.size() == 1 ? "is " : "are ") + String.join(", ", all) + "."));
        }
        return folder;
    }

    /** The SAE itself, opened once and kept until its folder is written anew. */
    public Sae open(String name) {
        Path folder = folder(name);
        FileTime written = written(folder);
        Opened known = open.get(name);
        if (known == null || !known.written.equals(written)) {
            known = new Opened(written, Sae.open(folder));
            open.put(name, known);
        }
        return known.sae;
    }

    /**
     * The name of the store that an SAE was trained on.
     *
     * @throws LoupeException if the SAE does not say
     */
    public String store(String name) {
        String store = open(name).provenance().store();
        if (store == null || store.isBlank()) {
            throw new LoupeException(
                    "The SAE " + name + " does not say which activation store it was trained on, so there"
                            + " is nothing to look at; name a store with --store (of an index also a text with --text).");
        }
        if (store.equals(TrainSpec.NO_STORE)) {
            throw new LoupeException(
                    "The SAE " + name + " was trained straight from its model, without a store: capture" + " "
                            + open(name).hookName()
                            + " into one, and name it with --store (of an index also a text with --text).");
        }
        return store;
    }

    static FileTime written(Path folder) {
        try {
            return Files.getLastModifiedTime(folder.resolve(CONFIG));
        } catch (IOException e) {
            throw new LoupeException("The SAE " + folder + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** What was read of an SAE's two small files, and when these were written. */
    private record Seen(FileTime config, FileTime provenance, SaeView view) {}

    /** Read again only where a file has changed: pages ask for all SAEs at every step. */
    private SaeView view(String name) {
        Path folder = workspace.saes().resolve(name);
        boolean indexed = Features.indexed(workspace, name);
        FileTime config = time(folder.resolve(CONFIG));
        FileTime provenance = time(folder.resolve(PROVENANCE));
        Seen known = seen.get(name);
        if (known == null
                || !known.config.equals(config)
                || !known.provenance.equals(provenance)
                || known.view.indexed() != indexed) {
            known = new Seen(config, provenance, read(name, folder, indexed));
            seen.put(name, known);
        }
        return known.view;
    }

    /** The epoch for a file that is not there. */
    private static FileTime time(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            return FileTime.fromMillis(0);
        }
    }

    private static SaeView read(String name, Path folder, boolean indexed) {
        try {
            Instant created = written(folder).toInstant();
            JsonNode cfg = Json.tree(folder.resolve(CONFIG));
            JsonNode metadata = cfg.path("metadata");
            Path file = folder.resolve(PROVENANCE);
            SaeProvenance p = Files.isRegularFile(file) ? SaeFiles.provenance(folder) : SaeProvenance.unknown();
            return new SaeView(
                    name,
                    SaeConfig.kind(
                            Architecture.ofSaeLens(cfg.path("architecture").asString("standard")),
                            Map.of("selection", metadata.path("selection").asString(""))),
                    metadata.path("model_name").asString(cfg.path("model_name").asString("")),
                    metadata.path("hook_name").asString(cfg.path("hook_name").asString("")),
                    metadata.path("hook_name_out").asString(""),
                    cfg.path("d_in").asInt(0),
                    cfg.path("d_sae").asInt(0),
                    cfg.path("k").asInt(0),
                    p.store(),
                    p.seed(),
                    p.steps(),
                    p.tokens(),
                    p.recipe(),
                    created,
                    indexed,
                    null);
        } catch (LoupeException e) {
            return broken(name, indexed, e.getMessage());
        }
    }

    private static SaeView broken(String name, boolean indexed, @Nullable String problem) {
        return new SaeView(
                name, "", "", "", "", 0, 0, 0, null, 0, 0, 0, null, Instant.EPOCH, indexed, String.valueOf(problem));
    }
}
