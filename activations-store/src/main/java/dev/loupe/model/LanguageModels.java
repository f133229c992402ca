package dev.loupe.model;

import dev.loupe.base.LoupeException;
import dev.loupe.tensor.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Opens language models in the Hugging Face layout, and unpacks the one that ships with Loupe. */
public final class LanguageModels {
    private LanguageModels() {}

    /**
     * Opens a model folder ({@code config.json}, {@code model.safetensors} or its sharded form, {@code tokenizer.json}).
     *
     * @throws dev.loupe.base.NotFoundException if there is no such folder or a file is missing from it
     * @throws dev.loupe.base.LoupeException if a file is damaged or the architecture is not supported
     */
    public static LanguageModel open(Path folder, ModelOptions options) {
        Path absolute = folder.toAbsolutePath().normalize();
        ModelSpec spec = ModelSpec.read(absolute);
        List<String> heldOut = heldOut(absolute);
        Torch.threads(options.threads());
        Tokenizer tokenizer = HubTokenizer.open(absolute);
        try (Checkpoint checkpoint = Checkpoint.open(absolute)) {
            Weights weights = new Weights(checkpoint, spec);
            String id = options.id() != null ? options.id() : String.valueOf(absolute.getFileName());
            return new Transformer(id, new Core(spec, weights), tokenizer, checkpoint.checksum(), heldOut);
        } catch (RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    /** The sizes of a model, from {@code config.json} alone. */
    public static ModelConfig describe(Path folder) {
        return ModelSpec.read(folder).config();
    }

    /** The hook points of a model, from {@code config.json} alone. */
    public static List<HookInfo> hooks(Path folder) {
        return ModelSpec.read(folder).hooks();
    }

    /** The architectures that can be opened, as {@code config.json} names them. */
    public static List<String> supportedArchitectures() {
        return Families.names();
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
