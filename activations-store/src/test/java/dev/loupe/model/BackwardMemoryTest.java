package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The memory that is told beforehand is the memory that blocks really leave behind. */
class BackwardMemoryTest {
    @TempDir
    Path folder;

    static Stream<String> families() throws IOException {
        return Golden.tinyOnes().stream();
    }

    @ParameterizedTest
    @MethodSource("families")
    void blocksLeaveBehindWhatIsTold(String name) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            Core core = ((Transformer) model).core();
            int[][] ids = {{1, 5, 9, 30, 2, 7, 7, 11, 3, 4, 6, 2}, {1, 5, 9, 30, 2, 7, 7, 11, 3, 4, 6, 2}};
            try (NDManager manager = core.newManager();
                    NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                Pass pass = new Pass(manager, Transformer.lengths(ids), 12, Taps.none(), true, true);
                NDArray resid = core.embed(pass, ids);
                Gradients.Recorded tensors = Gradients.Recorded.of(core.blocks.getFirst(), pass, resid, false);
                BackwardMemory m = BackwardMemory.of(model, 2, 12, 1);
                long blocks = model.config().nLayers();
                long told = m.everything() / blocks - 2 * BackwardMemory.input(model.config(), 12);
                // norms of queries and keys, and capped scores, are not told one by one
                assertThat((double) told / tensors.state().bytes()).isBetween(0.65, 1.35);
                if (core.blocks.getFirst().records(pass)) {
                    Gradients.Recorded memory = Gradients.Recorded.of(core.blocks.getFirst(), pass, resid, true);
                    assertThat(memory.state().bytes()).isLessThanOrEqualTo((long) (1.35 * told));
                }
            }
        }
    }

    @Test
    void theFormulaIsTheSumOfItsParts() {
        ModelConfig c = new ModelConfig("x", 9, 8, 2, 1, 4, 16, 10, 128, 1e-5, 1e4, false, 0);
        // per token: 2 x (8 + 1) + 2 x 4 + 2 x (1 x 4) + 2 x 16 = 66 values, and 2 patterns of T^2
        assertThat(BackwardMemory.inside(c, true, 10)).isEqualTo(4 * (66 * 10 + 2 * 100));
        assertThat(BackwardMemory.input(c, 10)).isEqualTo(4 * 80);
        assertThat(BackwardMemory.held(9)).isEqualTo(5); // every third, and two between
        assertThat(BackwardMemory.held(1)).isEqualTo(1);
    }

    @Test
    void whatDoesNotFitIsComputedAgainDownToTheLeast() {
        BackwardMemory roomy = new BackwardMemory(1000, 400, 200, 2000);
        assertThat(roomy.taken()).isEqualTo(1000);
        BackwardMemory tight = new BackwardMemory(1000, 400, 200, 500);
        assertThat(tight.taken()).isEqualTo(500);
        assertThat(new BackwardMemory(1000, 400, 200, 50).taken()).isEqualTo(200);
        assertThat(BackwardMemory.held(30)).isEqualTo(10); // every fifth of 30: 6 kept, 4 between
    }
}
