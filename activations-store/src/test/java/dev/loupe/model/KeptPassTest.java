package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Going back many times through one forward pass. */
class KeptPassTest {
    private static final TokenBatch BATCH = new TokenBatch(new int[][] {{1, 5, 9, 30, 2}, {4, 8, 15}});
    private static final Rules FROZEN = new Rules(true, false, false, true);

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gpt2", "tiny-gemma2", "tiny-neox", "tiny-qwen3"})
    void every_way_back_gives_the_bits_of_a_backward_pass_of_its_own(String name) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            List<HookPoint> wrt = List.of(HookPoint.mlpOut(0), HookPoint.of("hook_embed"), HookPoint.attnOut(0));
            BackwardPlan fromLogits = BackwardPlan.of(LogitSeed.difference(3, 7), FROZEN, wrt)
                    .withFlow(Taps.edit(HookPoint.mlpOut(0), BackwardPlan.STOP));
            BackwardPlan plain = BackwardPlan.of(LogitSeed.difference(3, 7), Rules.NONE, wrt);
            BackwardPlan fromHook = BackwardPlan.from(
                    Taps.edit(HookPoint.residPre(1), g -> g.set(0, 3, 2, 1 + g.get(0, 3, 2))), Rules.RELP, wrt);
            Taps taps = Taps.edit(HookPoint.attnOut(0), a -> a.set(0, 1, 1, 0.5f));
            try (KeptPass kept = model.keep(BATCH, taps, BackwardPlan.KEEP_BYTES)) {
                assertThat(kept).isInstanceOf(KeptStates.class);
                for (BackwardPlan plan : List.of(fromLogits, plain, fromHook, fromLogits)) {
                    Backward once = model.backward(BATCH, taps, plan);
                    Backward again = kept.back(plan);
                    assertThat(again.value(1)).isEqualTo(once.value(1));
                    for (HookPoint hook : wrt) {
                        for (int b = 0; b < 2; b++) {
                            for (int p = 0; p < BATCH.ids()[b].length; p++) {
                                assertThat(again.gradient(hook).row(b, p))
                                        .as("%s %d %d", hook, b, p)
                                        .containsExactly(once.gradient(hook).row(b, p));
                            }
                        }
                    }
                }
                assertThatThrownBy(() -> kept.back(
                                BackwardPlan.of(LogitSeed.difference(3, 7), FROZEN, List.of(HookPoint.of("no.hook")))))
                        .hasMessageContaining("no.hook");
            }
        }
    }

    @Test
    void what_does_not_fit_runs_forward_anew() {
        try (LanguageModel model = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults());
                KeptPass kept = model.keep(BATCH, Taps.none(), 100)) {
            assertThat(kept).isNotInstanceOf(KeptStates.class);
            BackwardPlan plan = BackwardPlan.of(LogitSeed.difference(3, 7), FROZEN, List.of(HookPoint.mlpOut(0)));
            assertThat(kept.back(plan).gradient(HookPoint.mlpOut(0)).row(0, 4))
                    .containsExactly(model.backward(BATCH, Taps.none(), plan)
                            .gradient(HookPoint.mlpOut(0))
                            .row(0, 4));
        }
    }
}
