package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Going back over memory gives what going back in tensors gives, in every family, under every rule, at every hook point. */
class FusedBackwardTest {
    private static final TokenBatch BATCH =
            TokenBatch.of(new int[] {1, 5, 9, 30, 2, 7, 7, 11}, new int[] {4, 6, 3}, new int[] {8});
    private static final List<Rules> RULES = List.of(
            Rules.NONE,
            Rules.RELP,
            new Rules(true, false, false, false),
            new Rules(false, true, false, false),
            new Rules(false, false, true, false),
            new Rules(false, false, false, true),
            new Rules(true, false, true, true, 0.7));

    @TempDir
    Path folder;

    static Stream<String> families() throws IOException {
        return Golden.tinyOnes().stream();
    }

    @ParameterizedTest
    @MethodSource("families")
    void gradients_agree_with_those_in_tensors(String name) {
        try (LanguageModel model = LanguageModels.open(Golden.tiny(name, folder), ModelOptions.defaults())) {
            LogitSeed seed = LogitSeed.difference(3, 7);
            List<HookPoint> visible = new ArrayList<>(FusedBlockTest.visible(model));
            visible.removeIf(h -> h.name().equals("ln_final.hook_normalized"));
            List<HookPoint> behind = BlockBackward.BEHIND_PATTERN.stream()
                    .flatMap(l -> visible.stream().filter(h -> h.local().equals(l)))
                    .toList();
            List<HookPoint> withNorms = new ArrayList<>(visible);
            withNorms.addAll(FusedBlockTest.inNorms(model));
            for (Rules rules : RULES) {
                List<HookPoint> wrt = new ArrayList<>(visible);
                if (rules.attention()) {
                    wrt.removeAll(behind); // asked for, they would send the block the way of tensors
                }
                Backward memory = model.backward(BATCH, Taps.none(), BackwardPlan.of(seed, rules, wrt));
                Backward tensors = model.backward(BATCH, Taps.none(), BackwardPlan.of(seed, rules, withNorms));
                for (HookPoint hook : wrt) {
                    float[] expected = floats(tensors.gradient(hook));
                    float[] actual = floats(memory.gradient(hook));
                    double largest = 1e-9;
                    for (float v : expected) {
                        largest = Math.max(largest, Math.abs(v));
                    }
                    for (int i = 0; i < expected.length; i++) {
                        assertThat(Math.abs(actual[i] - expected[i]) / largest)
                                .as("%s, value %d, %s", hook, i, rules)
                                .isLessThan(1e-5);
                    }
                }
            }
        }
    }

    private static float[] floats(Activation a) {
        return a.segment().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
    }
}
