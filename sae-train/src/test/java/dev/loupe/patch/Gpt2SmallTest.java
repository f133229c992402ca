package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.SharedFiles;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.patch.task.PatchPair;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * The published outputs of the RelP authors' notebook on GPT-2 small: eight indirect-object prompts, normalised logit
 * difference. Columns before the tenth are 0 for every method, because the prompts are equal up to there.
 */
class Gpt2SmallTest {
    @Test
    void theNotebooksTableIsReproducedCellByCell() throws Exception {
        Path folder = SharedFiles.require(
                "models/gpt2", "The table of the RelP notebook was not compared; the random GPT-2's was.");
        JsonNode golden;
        try (InputStream in = Gpt2SmallTest.class.getResourceAsStream("gpt2-small.json")) {
            golden = Json.MAPPER.readTree(in.readAllBytes());
        }
        List<PatchPair> pairs = new ArrayList<>();
        golden.get("pairs").forEach(p -> pairs.add(Json.MAPPER.treeToValue(p, PatchPair.class)));
        int first = golden.get("first_column").asInt();
        try (LanguageModel model = LanguageModels.open(folder, ModelOptions.defaults())) {
            for (var method : golden.get("table").properties()) {
                String[] words = method.getKey().split(" ");
                boolean exact = words[0].equals("ap");
                PatchRequest request = PatchRequest.of("", "", "", "")
                        .withPairs(pairs)
                        .withMethod(PatchMethod.of(words[0]))
                        .withMetric(PatchMetric.NORMALISED)
                        .withRules(words.length == 1 ? List.of() : List.of(words[1].split(",")))
                        .withVerify(exact ? 0 : -1);
                PatchResult r = Patching.run(
                        model,
                        request,
                        name -> {
                            throw new NotFoundException("none");
                        },
                        Progress.silent());
                assertThat(r.cleanDifference())
                        .isCloseTo(golden.get("clean_difference").asDouble(), within(1e-3));
                for (var site : method.getValue().properties()) {
                    double[][] grid = r.grids().get(site.getKey());
                    for (int layer = 0; layer < 12; layer++) {
                        for (int p = 0; p < grid[layer].length; p++) {
                            double expected = p < first
                                    ? 0
                                    : site.getValue().get(layer).get(p - first).asDouble();
                            assertThat(grid[layer][p])
                                    .as(method.getKey() + " " + site.getKey() + " layer " + layer + " position " + p)
                                    .isCloseTo(expected, within(2e-3));
                        }
                    }
                    if (!exact) {
                        assertThat(r.agreement().get(site.getKey()).pearson())
                                .isCloseTo(
                                        golden.get("pearson")
                                                .get(method.getKey())
                                                .get(site.getKey())
                                                .asDouble(),
                                        within(2e-3));
                    }
                }
            }
        }
    }
}
