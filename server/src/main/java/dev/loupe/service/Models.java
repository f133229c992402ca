package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.model.HookInfo;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Language models: {@code builtin}, folders in the workspace's {@code models/}, and any other folder by its path. */
public final class Models implements AutoCloseable {
    /** The name of the embedded model. */
    public static final String BUILTIN = "builtin";

    private static final String CONFIG = "config.json";

    private final Workspace workspace;
    private final int threads;
    private final Map<String, LanguageModel> open = new HashMap<>();

    Models(Workspace workspace, int threads) {
        this.workspace = workspace;
        this.threads = threads;
    }

    /** Every model of the workspace, the embedded one first. */
    public List<ModelView> list() {
        List<ModelView> all = new ArrayList<>();
        all.add(get(BUILTIN));
        for (String name : Workspace.named(workspace.models(), CONFIG)) {
            if (!name.equals(BUILTIN)) {
                all.add(get(name));
            }
        }
        return all;
    }

    /**
     * One model, without its weights.
     *
     * @param id {@code builtin}, a name in {@code models/} or the path of a folder
     * @throws NotFoundException if there is no such model
     */
    public ModelView get(String id) {
        Path folder = folder(id);
        try {
            return new ModelView(id, folder.toString(), LanguageModels.describe(folder), bytes(folder), null);
        } catch (LoupeException e) {
            return new ModelView(id, folder.toString(), null, bytes(folder), e.getMessage());
        }
    }

    /** The hook points of a model, in the order of the forward pass. */
    public List<HookInfo> hooks(String id) {
        return LanguageModels.hooks(folder(id));
    }

    /**
     * The model itself, opened once and kept; callers never close it.
     *
     * @param id its name, with the regime of its weights if they are not raw ({@link ModelReference})
     * @throws NotFoundException if there is no such model
     * @throws LoupeException if it is damaged or its architecture is not supported
     */
    public LanguageModel open(String id) {
        return open(ModelReference.parse(id));
    }

    /** The model that an SAE was trained on, with the weights that it was trained on. */
    public LanguageModel of(Sae sae) {
        return open(new ModelReference(sae.modelId(), sae.needs().weights()));
    }

    private LanguageModel open(ModelReference reference) {
        Path folder = folder(reference.name());
        String key = new ModelReference(folder.toString(), reference.weights()).text();
        synchronized (open) {
            LanguageModel known = open.get(key);
            if (known == null) {
                known = LanguageModels.open(folder, new ModelOptions(reference.name(), threads, reference.weights()));
                open.put(key, known);
            }
            return known;
        }
    }

    /** The folder that a model's name stands for. */
    public Path folder(String reference) {
        String id = ModelReference.parse(reference).name();
        if (id.isBlank()) {
            throw new UsageException("The name of the model is empty; use " + BUILTIN + " or the path of a folder.");
        }
        if (id.equals(BUILTIN)) {
            return LanguageModels.builtin(workspace.models());
        }
        Path named;
        Path path;
        try {
            named = workspace.models().resolve(id);
            path = Path.of(id).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw missing(id);
        }
        if (!id.contains("/") && Files.isDirectory(named)) {
            return named;
        }
        if (Files.isDirectory(path)) {
            return path;
        }
        throw missing(id);
    }

    private NotFoundException missing(String id) {
        List<String> names = new ArrayList<>(List.of(BUILTIN));
        Workspace.named(workspace.models(), CONFIG).stream()
                .filter(n -> !n.equals(BUILTIN))
                .forEach(names::add);
        return new NotFoundException("There is no model \"" + id + "\"; use " + String.join(", ", names)
                + " or the path of a folder with config.json, model.safetensors and tokenizer.json.");
    }

    private static long bytes(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            long sum = 0;
            for (Path p : all.filter(Files::isRegularFile).toList()) {
                sum += Files.size(p);
            }
            return sum;
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        synchronized (open) {
            open.values().forEach(LanguageModel::close);
            open.clear();
        }
    }
}
