package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks over memory give the bits of blocks in tensors, in every family and at every hook point that both have. */
class FusedBlockTest {
    private static final TokenBatch BATCH =
            TokenBatch.of(new int[] {1, 5, 9, 30, 2, 7, 7, 11}, new int[] {4, 6, 3}, new int[] {8});
    private static final List<String> HIDDEN =
            List.of("hook_scale", "hook_normalized", "hook_attn_scores", "hook_pattern", "hook_result");

    @TempDir
    Path folder;

    static List<HookPoint> visible(LanguageModel model) {
        return model.hooks().stream()
                .map(HookInfo::hook)
                .filter(h -> HIDDEN.stream().noneMatch(h.name()::endsWith))
                .toList();
    }

    /** Every block goes the way of tensors in a pass back to these. */
    static List<HookPoint> inNorms(LanguageModel model) {
        return model.hooks().stream()
                .map(HookInfo::hook)
                .filter(h -> h.local().equals("ln1.hook_normalized"))
                .toList();
    }

    private static Taps reads(List<HookPoint> hooks) {
        return Taps.read(hooks.toArray(new HookPoint[0]));
    }

    static Stream<String> families() throws IOException {
        return Golden.tinyOnes().stream();
    }

    @ParameterizedTest
    @MethodSource("families")
    void reads_and_logits_have_the_bits_of_the_pass_that_goes_back(String name) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            List<HookPoint> hooks = visible(model);
            BackwardPlan plan = BackwardPlan.of((row, logits, gradient) -> gradient[0] = 1, Rules.NONE, inNorms(model));
            Forward tensors = model.backward(BATCH, reads(hooks), plan).forward();
            Forward memory = model.forward(BATCH, reads(hooks), Want.LAST_LOGITS);
            Forward unread = model.forward(BATCH, Taps.none(), Want.LAST_LOGITS);
            for (HookPoint hook : hooks) {
                assertThat(memory.activation(hook).segment().toArray(JAVA_BYTE))
                        .as(hook.name())
                        .isEqualTo(tensors.activation(hook).segment().toArray(JAVA_BYTE));
            }
            for (int b = 0; b < BATCH.size(); b++) {
                assertThat(memory.lastLogits(b)).isEqualTo(tensors.lastLogits(b));
                assertThat(unread.lastLogits(b)).isEqualTo(tensors.lastLogits(b));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gpt2", "tiny-neox", "tiny-qwen3", "tiny-gemma2"})
    void edits_inside_a_block_reach_what_comes_after_them(String name) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            for (HookPoint hook : visible(model)) {
                if (hook.layer() != 1) {
                    continue;
                }
                Taps edit = Taps.edit(hook, Edits.everywhere().scale(0.5f));
                BackwardPlan plan =
                        BackwardPlan.of((row, logits, gradient) -> gradient[0] = 1, Rules.NONE, inNorms(model));
                Forward tensors = model.backward(BATCH, edit, plan).forward();
                Forward memory = model.forward(BATCH, edit, Want.LAST_LOGITS);
                for (int b = 0; b < BATCH.size(); b++) {
                    assertThat(memory.lastLogits(b)).as(hook.name()).isEqualTo(tensors.lastLogits(b));
                }
            }
        }
    }
}
