package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * What {@code config.json} says.
 *
 * @param architecture how blocks compute
 * @param config the sizes
 * @param layers what differs between blocks, one for each
 */
record ModelSpec(Architecture architecture, ModelConfig config, List<LayerSpec> layers) {
    /** Reads the description of a model folder. */
    static ModelSpec read(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new NotFoundException("There is no model folder " + folder
                    + ": give \"builtin\" or a folder with config.json, model.safetensors and tokenizer.json.");
        }
        Path file = folder.resolve("config.json");
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("The folder " + folder + " has no config.json, so it is no model folder in the"
                    + " Hugging Face layout.");
        }
        return of(file, Json.tree(file));
    }

    /**
     * Reads a description in the terms of {@code config.json}.
     *
     * @param file where it comes from, for messages
     */
    static ModelSpec of(Path file, JsonNode json) {
        return ConfigReader.read(file, json);
    }

    /** The same model, stored in another way. */
    ModelSpec withTensors(TensorNames tensors) {
        Architecture a = architecture;
        return new ModelSpec(
                new Architecture(
                        tensors,
                        a.norm(),
                        a.biasQkv(),
                        a.biasO(),
                        a.biasMlp(),
                        a.activation(),
                        a.parallel(),
                        a.rotaryDims(),
                        a.embedScale(),
                        a.scoreCap(),
                        a.logitCap()),
                config,
                layers);
    }

    /** Every hook point in the order of the forward pass. */
    List<HookInfo> hooks() {
        return new HookList(this).all();
    }
}
