package dev.loupe.graph;

import dev.loupe.base.Json;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.sae.CircuitTracerFormat;
import dev.loupe.sae.TranscoderSet;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import tools.jackson.databind.JsonNode;

/** The random model and transcoders that tests/python/graph/golden.py made, and circuit-tracer's graphs of them. */
final class Tiny {
    private Tiny() {}

    static Path resource(String name) {
        try {
            return Path.of(
                    Objects.requireNonNull(Tiny.class.getResource(name), name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The model, with the embedded one's tokenizer, whose ids beyond 40 it does not know. */
    static LanguageModel model(Path folder) throws IOException {
        Path target = Files.createDirectories(folder.resolve("tiny"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(resource("model").resolve(file), target.resolve(file));
        }
        Files.copy(LanguageModels.builtin(folder).resolve("tokenizer.json"), target.resolve("tokenizer.json"));
        return LanguageModels.open(target, ModelOptions.defaults());
    }

    static TranscoderSet set(String name) {
        return CircuitTracerFormat.read(resource(name), name, "");
    }

    static JsonNode golden(String name) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(resource(name + ".json.gz")))) {
            return Json.MAPPER.readTree(in.readAllBytes());
        }
    }

    static int[] ints(JsonNode node) {
        return node.valueStream().mapToInt(JsonNode::asInt).toArray();
    }
}
