package dev.loupe.model;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.kernel.Team;
import dev.loupe.tensor.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Opens language models in the Hugging Face layout and GGUF files, and unpacks the one that ships with Loupe. */
public final class LanguageModels {
    private LanguageModels() {}

    /**
     * Opens a model folder ({@code config.json}, {@code model.safetensors} or its sharded form, {@code tokenizer.json}), a
     * GGUF file, or a folder with one GGUF file.
     *
     * @throws dev.loupe.base.NotFoundException if there is no such folder or file, or a file is missing from a folder
     * @throws dev.loupe.base.LoupeException if a file is damaged or the architecture is not supported
     */
    public static LanguageModel open(Path path, ModelOptions options) {
        if (options.device().tensors() && options.precision() != Precision.FP32) {
            throw new UsageException("On " + options.device() + " models compute in fp32 only, not in "
                    + options.precision() + ": leave the precision out, or go on with --device cpu.");
        }
        try (ModelSource source = ModelSource.of(path)) {
            ModelSpec spec = source.spec();
            WeightRegime regime = options.weights();
            ModelSpec used = ProcessedWeights.spec(spec, regime);
            List<String> heldOut = heldOut(source.folder());
            Torch.threads(options.threads());
            if (options.threads() > 0) {
                Team.setThreads(options.threads());
            }
            Tokenizer tokenizer = HubTokenizer.open(source.folder());
            try {
                TensorSource checkpoint = source.weights(spec); // closed with the weights
                Weights weights = new Weights(
                        regime.isRaw() ? checkpoint : new ProcessedWeights(checkpoint, spec, regime),
                        used,
                        options.precision(),
                        options.device());
                String id = options.id() != null ? options.id() : source.name();
                return new Transformer(id, new Core(used, weights), tokenizer, options, heldOut);
            } catch (RuntimeException e) {
                tokenizer.close();
                throw e;
            }
        }
    }

    /** The sizes of a model, from its description alone. */
    public static ModelConfig describe(Path path) {
        return spec(path).config();
    }

    /** The hook points of a model, from its description alone. */
    public static List<HookInfo> hooks(Path path) {
        return spec(path).hooks();
    }

    private static ModelSpec spec(Path path) {
        try (ModelSource source = ModelSource.of(path)) {
            return source.spec();
        }
    }

    /** Whether a path is that of a model: a folder with a description, or a GGUF file (which may be alone in a folder). */
    public static boolean isModel(Path path) {
        return Files.isDirectory(path)
                ? Files.isRegularFile(path.resolve("config.json"))
                        || ModelSource.ggufFiles(path).size() == 1
                : ModelSource.isGguf(path) && Files.isRegularFile(path);
    }

    /**
     * The folder in {@code models/} that a plain name stands for; null if there is none, and for the embedded model, paths and
     * ids of a hub.
     */
    public static @Nullable Path named(Path models, String name) {
        if (name.isBlank() || name.equals(BuiltinModel.NAME) || name.matches("\\..*|.*[/\\\\].*")) {
            return null;
        }
        try {
            Path named = models.resolve(name);
            return Files.isDirectory(named) ? named : null;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    /**
     * The folder of the embedded model; unpacks it on first use (and again if a file is damaged).
     *
     * @param cacheDir where it shall lie, for example {@code WORKSPACE/models}; the model is its subfolder
     *     {@code builtin}
     */
    public static Path builtin(Path cacheDir) {
        return BuiltinModel.unpack(cacheDir);
    }

    private static List<String> heldOut(Path folder) {
        Path file = folder.resolve("held-out.txt");
        if (!Files.isRegularFile(file)) {
            return List.of();
        }
        try {
            return Files.readAllLines(file).stream()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty())
                    .toList();
        } catch (IOException e) {
            throw new LoupeException("The list of held-out documents " + file + " cannot be read.", e);
        }
    }
}
