package dev.loupe.model;

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
        throw new UnsupportedOperationException("models cannot be opened yet");
    }

    /** The sizes of a model, from {@code config.json} alone. */
    public static ModelConfig describe(Path folder) {
        throw new UnsupportedOperationException("models cannot be opened yet");
    }

    /** The hook points of a model, from {@code config.json} alone. */
    public static List<HookInfo> hooks(Path folder) {
        throw new UnsupportedOperationException("models cannot be opened yet");
    }

    /**
     * The folder of the embedded model; unpacks it on first use (and again if a file is damaged).
     *
     * @param cacheDir where it shall lie, for example {@code WORKSPACE/models}; the model is its subfolder
     *     {@code builtin}
     */
    public static Path builtin(Path cacheDir) {
        throw new UnsupportedOperationException("models cannot be opened yet");
    }
}
