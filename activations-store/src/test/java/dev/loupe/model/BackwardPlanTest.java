package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a plan adds to a backward pass: gradients that start or end at hook points, memory, soft gates; and variations. */
class BackwardPlanTest {
    private static final LogitSeed SEED = LogitSeed.difference(3, 7);
    private static final TokenBatch BATCH = TokenBatch.of(new int[] {1, 5, 9, 30, 2}, new int[] {4, 6, 8});

    @TempDir
    Path folder;

    private LanguageModel open(String name) {
        return LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults());
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gpt2", "tiny-neox", "tiny-gemma2"})
    void blocks_computed_again_give_the_bits_of_blocks_that_were_kept(String name) {
        try (LanguageModel model = open(name)) {
            List<HookPoint> all = model.hooks().stream()
                    .map(HookInfo::hook)
                    .filter(h -> !h.name().endsWith("scale"))
                    .toList();
            Taps edit = Taps.edit(HookPoint.attnOut(1), a -> a.set(0, 2, 3, 0.5f));
            BackwardPlan plan = BackwardPlan.of(SEED, Rules.RELP, all);
            Backward kept = model.backward(BATCH, edit, plan);
            Backward again = model.backward(BATCH, edit, plan.withKeepBytes(0));
            int live = ((Transformer) model).liveArrays();
            for (HookPoint hook : all) {
                for (int row = 0; row < 2; row++) {
                    for (int p = 0; p < BATCH.length(row); p++) {
                        assertThat(again.gradient(hook).row(row, p))
                                .as(hook.name())
                                .isEqualTo(kept.gradient(hook).row(row, p));
                    }
                }
            }
            model.backward(BATCH, edit, plan);
            assertThat(((Transformer) model).liveArrays()).isEqualTo(live);
        }
    }

    @Test
    void memory_between_blocks_stays_within_the_budget_and_numbers_are_the_same() {
        int positions = 96;
        int[] ids = IntStream.range(0, positions).map(i -> 1 + i * 37 % 8000).toArray();
        TokenBatch batch = TokenBatch.of(ids, Arrays.copyOf(ids, 40));
        try (LanguageModel model = LanguageModels.open(Golden.builtin(folder), ModelOptions.defaults())) {
            long input = 4L * 2 * positions * model.config().dModel();
            List<HookPoint> wrt = List.of(HookPoint.residPre(0), HookPoint.z(2), HookPoint.mlpPost(5));
            BackwardPlan plan = BackwardPlan.of(SEED, Rules.RELP, wrt);
            Gradients gradients = ((Transformer) model).gradients();
            Taps edit = Taps.edit(HookPoint.attnOut(1), a -> a.set(0, 2, 3, 0.5f));
            long[] peak = new long[1];
            gradients.watcher = bytes -> peak[0] = Math.max(peak[0], bytes);
            Backward free = model.backward(batch, edit, plan.withKeepBytes(Long.MAX_VALUE / 4));
            long whole = peak[0];
            peak[0] = 0;
            model.backward(batch, edit, plan.withKeepBytes(0));
            long least = BlockInputs.held(6, BlockInputs.stride(6, 0)) * input;
            long around = peak[0] - least; // what head and last norm made, the gradient, the mask, the edit
            assertThat(around).isLessThan(12 * input);
            long state = (whole - around - 6 * input) / 6; // of one block, about
            assertThat(state).isGreaterThan(4 * input);
            for (long budget :
                    new long[] {4 * input, 5 * input, 6 * input, 6 * input + 3 * state, 6 * input + 5 * state}) {
                peak[0] = 0;
                Backward again = model.backward(batch, edit, plan.withKeepBytes(budget));
                long mask = 4L * positions * positions; // where blocks are recorded, from the edited one on
                assertThat(peak[0]).as("budget " + budget).isPositive().isLessThanOrEqualTo(budget + around + mask);
                assertThat(peak[0]).isLessThan(whole);
                for (HookPoint hook : wrt) {
                    for (int p = 0; p < positions; p++) {
                        assertThat(again.gradient(hook).row(0, p))
                                .isEqualTo(free.gradient(hook).row(0, p));
                    }
                }
            }
        }
    }

    @Test
    void inputs_are_kept_as_far_apart_as_memory_asks() {
        assertThat(BlockInputs.stride(32, 32)).isEqualTo(1);
        assertThat(BlockInputs.stride(32, 31)).isEqualTo(2);
        assertThat(BlockInputs.stride(32, 12)).isEqualTo(4);
        int least = BlockInputs.stride(32, 0);
        assertThat(BlockInputs.held(32, least)).isEqualTo(11);
        assertThat(BlockInputs.stride(1, 0)).isEqualTo(1);
        assertThat(BlockInputs.stride(0, 0)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gpt2", "tiny-neox", "tiny-gemma2"})
    void a_gradient_started_in_the_middle_is_the_slope_of_that_value(String name) {
        try (LanguageModel model = open(name)) {
            HookPoint from = HookPoint.block(1, "mlp.hook_pre");
            HookPoint to = HookPoint.residPre(0);
            Taps start = Taps.edit(from, g -> g.set(0, 4, 2, 1));
            Backward back = model.backward(BATCH, Taps.none(), BackwardPlan.from(start, Rules.NONE, List.of(to)));
            for (int p = 0; p < 5; p++) {
                for (int i = 0; i < 3; i++) {
                    double slope = (value(model, from, to, p, i, 1e-2f) - value(model, from, to, p, i, -1e-2f)) / 2e-2;
                    assertThat((double) back.gradient(to).get(0, p, i)).isCloseTo(slope, within(2e-3));
                    assertThat(back.gradient(to).get(1, Math.min(p, 2), i)).isEqualTo(0);
                }
            }
        }
    }

    private static float value(LanguageModel model, HookPoint of, HookPoint at, int p, int i, float by) {
        Taps taps = Taps.read(of).merge(Taps.edit(at, a -> a.set(0, p, i, a.get(0, p, i) + by)));
        return model.forward(BATCH, taps, Want.NOTHING).activation(of).get(0, 4, 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gpt2", "tiny-neox", "tiny-gemma2"})
    void a_gradient_that_ends_at_a_hook_point_leaves_the_other_ways(String name) {
        try (LanguageModel model = open(name)) {
            List<HookPoint> wrt =
                    List.of(HookPoint.residPre(0), HookPoint.residPre(1), HookPoint.mlpOut(1), HookPoint.attnOut(1));
            Taps ends = Taps.builder()
                    .edit(HookPoint.mlpOut(1), BackwardPlan.STOP)
                    .edit(HookPoint.attnOut(1), BackwardPlan.STOP)
                    .build();
            BackwardPlan plan = BackwardPlan.of(SEED, Rules.NONE, wrt);
            Backward whole = model.backward(BATCH, Taps.none(), plan);
            Backward part = model.backward(BATCH, Taps.none(), plan.withFlow(ends));
            // what ends there is still known, and the residual stream carries the rest through unchanged
            assertThat(part.gradient(HookPoint.mlpOut(1)).row(0, 4))
                    .isEqualTo(whole.gradient(HookPoint.mlpOut(1)).row(0, 4));
            assertThat(part.gradient(HookPoint.residPre(1)).row(0, 4))
                    .isEqualTo(part.gradient(HookPoint.mlpOut(1)).row(0, 4));
            assertThat(part.gradient(HookPoint.residPre(0)).row(0, 1))
                    .isNotEqualTo(whole.gradient(HookPoint.residPre(0)).row(0, 1));
            Taps zero = Taps.builder()
                    .edit(HookPoint.mlpOut(1), a -> a.segment().fill((byte) 0))
                    .edit(HookPoint.attnOut(1), a -> a.segment().fill((byte) 0))
                    .build();
            assertThat(model.backward(BATCH, Taps.none(), plan.withFlow(zero))
                            .gradient(HookPoint.residPre(0))
                            .row(0, 1))
                    .isEqualTo(part.gradient(HookPoint.residPre(0)).row(0, 1));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-opt", "tiny-gpt2", "tiny-llama"})
    void the_soft_gate_goes_from_relus_gate_to_one_half(String name) {
        try (LanguageModel model = open(name)) {
            HookPoint pre = HookPoint.block(1, "mlp.hook_pre");
            HookPoint post = HookPoint.mlpPost(1);
            HookPoint linear = HookPoint.block(1, "mlp.hook_pre_linear");
            boolean gated = name.equals("tiny-llama");
            Taps read = gated ? Taps.read(pre, linear) : Taps.read(pre);
            for (double t : new double[] {1e-4, 0.5, 1, 1e9}) {
                Rules rules = new Rules(false, false, false, false, t);
                Backward b = model.backward(BATCH, read, BackwardPlan.of(SEED, rules, Set.of(pre, post)));
                for (int i = 0; i < 20; i++) {
                    double x = b.forward().activation(pre).get(0, 4, i);
                    double gate = 1 / (1 + Math.exp(-x / t));
                    double other = gated ? b.forward().activation(linear).get(0, 4, i) : 1;
                    assertThat((double) b.gradient(pre).get(0, 4, i))
                            .as(name + " at temperature " + t)
                            .isCloseTo(gate * other * b.gradient(post).get(0, 4, i), within(1e-5));
                }
            }
            Rules hard = new Rules(false, false, false, false, 1e-6);
            if (name.equals("tiny-opt")) { // of ReLU, whose gate the soft one becomes
                Backward soft = model.backward(BATCH, Taps.none(), BackwardPlan.of(SEED, hard, Set.of(pre)));
                Backward plain = model.backward(BATCH, Taps.none(), BackwardPlan.of(SEED, Rules.NONE, Set.of(pre)));
                assertThat(soft.gradient(pre).row(0, 4))
                        .containsExactly(plain.gradient(pre).row(0, 4), org.assertj.core.data.Offset.offset(1e-6f));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gpt2", "tiny-neo", "tiny-neox", "tiny-window", "tiny-gemma2"})
    void variations_that_share_their_beginning_are_the_whole_runs(String name) {
        int[] tokens = {1, 5, 9, 30, 2, 11, 17};
        try (LanguageModel model = open(name)) {
            int live = ((Transformer) model).liveArrays();
            for (int start : new int[] {0, 3, 6}) {
                try (Variations runs = model.variations(tokens, start)) {
                    for (int layer = 0; layer < 2; layer++) {
                        HookPoint hook = HookPoint.mlpOut(layer);
                        Editor edit = a -> {
                            for (int b = 1; b < a.batch(); b++) {
                                a.set(b, 6 - a.startPosition(), 1, b);
                                a.set(b, Math.max(start, 4) - a.startPosition(), 2, 1 - b);
                            }
                        };
                        Forward ours = runs.run(3, layer, Taps.edit(hook, edit));
                        Forward whole = model.forward(
                                TokenBatch.of(tokens, tokens, tokens), Taps.edit(hook, edit), Want.LAST_LOGITS);
                        for (int row = 0; row < 3; row++) {
                            assertThat(ours.lastLogits(row))
                                    .containsExactly(whole.lastLogits(row), org.assertj.core.data.Offset.offset(1e-5f));
                        }
                        assertThat(ours.lastLogits(1)).isNotEqualTo(ours.lastLogits(0));
                    }
                    assertThatThrownBy(() -> runs.run(1, 1, Taps.edit(HookPoint.mlpOut(0), a -> {})))
                            .isInstanceOf(UsageException.class)
                            .hasMessageContaining("blocks.0.hook_mlp_out");
                }
            }
            assertThat(((Transformer) model).liveArrays()).isEqualTo(live);
        }
    }

    @org.junit.jupiter.api.Test
    void plans_that_cannot_be_are_refused() {
        assertThatThrownBy(() -> new Rules(true, true, true, false, 1)).hasMessageContaining("identity and soft");
        assertThatThrownBy(() -> new Rules(true, false, true, false, Double.NaN))
                .hasMessageContaining("above 0");
        assertThatThrownBy(() -> BackwardPlan.of(SEED, Rules.NONE, List.of(HookPoint.of("blocks.0.ln1.hook_scale"))))
                .hasMessageContaining("hook_normalized");
        assertThatThrownBy(() -> BackwardPlan.from(Taps.none(), Rules.NONE, List.of()))
                .hasMessageContaining("start from");
    }
}
