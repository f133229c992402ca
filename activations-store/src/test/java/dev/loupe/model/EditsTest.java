package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Values are read after they were added to, set or scaled, at the places that were named and nowhere else. */
class EditsTest {
    private static final TokenBatch BATCH = TokenBatch.of(new int[] {1, 5, 9, 30}, new int[] {4, 6});

    @TempDir
    static Path folder;

    static LanguageModel model;

    @BeforeAll
    static void open() {
        model = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Activation after(HookPoint hook, Editor editor) {
        return model.forward(BATCH, Taps.edit(hook, editor).merge(Taps.read(hook)), Want.NOTHING)
                .activation(hook);
    }

    private static Activation plain(HookPoint hook) {
        return model.forward(BATCH, Taps.read(hook), Want.NOTHING).activation(hook);
    }

    @Test
    void a_vector_is_added_at_some_positions_only() {
        HookPoint hook = HookPoint.residMid(0);
        float[] vector = new float[12];
        Arrays.fill(vector, 0.5f);
        Activation before = plain(hook);
        Activation now = after(hook, Edits.at(2, 1).add(vector));
        for (int b = 0; b < 2; b++) {
            for (int p = 0; p < BATCH.length(b); p++) {
                float add = p == 1 || p == 2 ? 0.5f : 0;
                for (int i = 0; i < 12; i++) {
                    assertThat(now.get(b, p, i)).isEqualTo(before.get(b, p, i) + add);
                }
            }
        }
    }

    @Test
    void one_head_is_replaced_or_removed_and_the_others_stay() {
        HookPoint z = HookPoint.z(1);
        int d = model.config().dHead();
        float[] values = new float[d];
        Arrays.fill(values, 3);
        Activation before = plain(z);
        Activation now = after(z, Edits.everywhere().head(2, 4).set(values));
        Activation gone = after(z, Edits.at(0).head(2, 4).scale(0));
        for (int i = 0; i < 4 * d; i++) {
            boolean ours = i / d == 2;
            assertThat(now.get(0, 3, i)).isEqualTo(ours ? 3 : before.get(0, 3, i));
            assertThat(gone.get(0, 0, i)).isEqualTo(ours ? 0 : before.get(0, 0, i));
            assertThat(gone.get(0, 3, i)).isEqualTo(before.get(0, 3, i));
        }
        HookPoint pattern = HookPoint.block(1, "attn.hook_pattern");
        Activation patterns = plain(pattern);
        Activation cut = after(pattern, Edits.at(3).head(1, 4).scale(0));
        for (int i = 0; i < 16; i++) {
            assertThat(cut.get(0, 3, i)).isEqualTo(i / 4 == 1 ? 0 : patterns.get(0, 3, i));
            assertThat(cut.get(0, 2, i)).isEqualTo(patterns.get(0, 2, i));
        }
    }

    @Test
    void positions_are_those_of_the_sequence_while_text_is_written() {
        float[] far = new float[12];
        far[3] = 4;
        int compared = 0;
        for (int first = 1; first < 20; first++) {
            int[] prompt = {first, 31, 5};
            Taps late = Taps.edit(HookPoint.residPost(0), Edits.at(4).set(far)); // the second new token
            Generation g = model.generate(prompt, Sampling.greedy(6).withLogProbs(), late, TokenListener.silent());
            int[] all = Arrays.copyOf(prompt, 3 + g.tokens().length);
            System.arraycopy(g.tokens(), 0, all, 3, g.tokens().length);
            Activation logits =
                    model.forward(TokenBatch.of(all), late, Want.ALL_LOGITS).allLogits();
            for (int i = 0; i < g.tokens().length; i++) {
                assertThat(Sampler.logProb(logits.row(0, 2 + i), g.tokens()[i]))
                        .isCloseTo(g.logProbs()[i], within(1e-4f));
                compared += i > 1 ? 1 : 0;
            }
        }
        assertThat(compared).isGreaterThan(5);
    }

    @Test
    void edits_that_do_not_fit_are_refused() {
        assertThatThrownBy(() -> after(HookPoint.residMid(0), Edits.everywhere().add(1, 2)))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("2 values")
                .hasMessageContaining("12");
        assertThatThrownBy(() -> Edits.at(-1)).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> Edits.everywhere().head(4, 4))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("0 to 3");
    }
}
