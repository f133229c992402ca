package dev.loupe.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.corpus.Corpora;
import dev.loupe.diagnose.health.Massive;
import dev.loupe.fixtures.SharedFiles;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Figures that papers publish, where their model is there. */
class PublishedFiguresTest {
    /**
     * GPT-2 small: massive activations in layers 2 to 9, all in dimension 447, up to 3,024, and perplexity does not notice
     * when they are set to 0 (arXiv 2503.22329, tables of the repository; its text is WikiText, so magnitudes are given 5 %).
     */
    @Test
    void theMassiveActivationsOfGpt2AreWhereThePaperSawThem() {
        Path folder = SharedFiles.require(
                "models/gpt2", "GPT-2's massive activations were not compared with the paper's table.");
        try (LanguageModel model = LanguageModels.open(folder, ModelOptions.defaults())) {
            TextSample text = TextSample.of(Corpora.of(Corpora.EUROPARL, ""), model, 512, 8192, 0);
            DiagnosticRun.Done done = DiagnosticRun.run(
                            java.util.List.of(new Massive()),
                            Subject.of(model, text, Limits.standard().withTokens(8192, 1024)),
                            dev.loupe.base.Progress.silent())
                    .of("massive-activations");
            ResultTable table = done.table();
            for (int layer = 2; layer <= 9; layer++) {
                assertThat(table.number(layer, "entries")).as("layer " + layer).isPositive();
                assertThat(table.number(layer, "dimension")).isEqualTo(447);
            }
            assertThat(table.number(9, "max")).isCloseTo(3024, within(0.05 * 3024));
            double before = done.result().numbers().get("perplexity");
            assertThat(done.result().numbers().get("perplexity_zero")).isCloseTo(before, within(0.01 * before));
        }
    }
}
