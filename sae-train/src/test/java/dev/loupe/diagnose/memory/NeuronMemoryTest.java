package dev.loupe.diagnose.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.math.Matrix;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.MlpKind;
import dev.loupe.model.Projection;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import org.junit.jupiter.api.Test;

/** Keys, values and coefficients of neurons. */
class NeuronMemoryTest {
    @Test
    void theStrongestPlacesOfEitherSignAreKept() {
        NeuronKey key = new NeuronKey(2);
        int[] ids = {9, 5, 7, 5};
        key.add(1, ids, 0);
        key.add(-4, ids, 1);
        key.add(2, ids, 2);
        key.add(3, ids, 3);
        assertThat(key.strongest()).isEqualTo(-4);
        assertThat(key.places()).extracting(NeuronKey.Place::token).containsExactly(5, 5);
        assertThat(key.places()).extracting(NeuronKey.Place::next).containsExactly(7, -1);
        assertThat(key.agreement(new int[] {7})).isEqualTo(1); // the last place has no next token
        assertThat(key.agreement(new int[] {8})).isZero();
    }

    @Test
    void aNeuronsValueIsWhatItsOutputRowSaysToTheUnembedding() {
        LanguageModel model = BuiltinModel.model();
        NeuronKey key = new NeuronKey(1);
        key.add(-1, new int[] {1, 2}, 0); // its value is then turned round
        NeuronValues values = NeuronValues.of(model, 2, new int[] {17}, new NeuronKey[] {key});
        int d = model.config().dModel();
        float[] row = new float[d];
        for (int j = 0; j < d; j++) {
            row[j] = -model.projection(2, Projection.MLP_OUT).weight().get(j, 17);
        }
        float[] logits =
                model.logitLens(Matrix.copyOf(new float[][] {row}), true).row(0);
        int[] top = values.top(0, 5);
        for (int t = 0; t < logits.length; t++) {
            int token = t;
            if (java.util.Arrays.stream(top).noneMatch(x -> x == token)) {
                assertThat(logits[t]).isLessThanOrEqualTo(logits[top[4]]);
            }
        }
        assertThat(values.logit(0, top[0])).isCloseTo(logits[top[0]], within(1e-5f));
    }

    @Test
    void theFormulaShownIsWhatTheModelComputes() {
        LanguageModel model = BuiltinModel.model();
        MlpKind mlp = model.mlp();
        HookPoint pre = HookPoint.block(1, "mlp.hook_pre");
        HookPoint linear = HookPoint.block(1, "mlp.hook_pre_linear");
        HookPoint post = HookPoint.mlpPost(1);
        Forward run = model.forward(
                new TokenBatch(BuiltinModel.text().sequences().subList(0, 1).toArray(int[][]::new)),
                Taps.read(pre, linear, post),
                Want.NOTHING);
        assertThat(mlp.title()).isEqualTo("SwiGLU");
        for (int i = 0; i < model.config().dMlp(); i++) {
            double x = run.activation(pre).get(0, 5, i);
            double expected = mlp.value(x) * run.activation(linear).get(0, 5, i);
            assertThat((double) run.activation(post).get(0, 5, i))
                    .isCloseTo(expected, within(1e-5 + 1e-5 * Math.abs(expected)));
        }
    }

    @Test
    void coefficientsAreExact() {
        MlpKind gelu = new MlpKind("gelu", false);
        assertThat(gelu.coefficient(0)).isEqualTo(0.5);
        assertThat(gelu.coefficient(1.959963984540054)).isCloseTo(0.975, within(1e-14));
        assertThat(gelu.coefficient(-1.959963984540054)).isCloseTo(0.025, within(1e-14));
        assertThat(gelu.coefficient(-5)).isCloseTo(2.866515718791939e-7, within(1e-18));
        assertThat(gelu.value(1)).isCloseTo(0.8413447460685429, within(1e-14));
        assertThat(new MlpKind("gelu_tanh", true).value(1)).isCloseTo(0.8411919906082768, within(1e-12));
        assertThat(new MlpKind("silu", true).value(2)).isCloseTo(1.7615941559557649, within(1e-14));
        assertThat(new MlpKind("relu", true).value(-2)).isZero();
        assertThat(new MlpKind("relu", true).title()).isEqualTo("ReGLU");
    }

    @Test
    void everyLayersNeuronsAreRead() {
        Finding f = GivenRows.finding(new NeuronMemory(), BuiltinModel.subject(100));
        assertThat(f.table().rows()).hasSize(6 * 48);
        assertThat(f.table().text(0, "key")).isNotBlank();
        assertThat(f.table().text(0, "value")).contains("|");
        assertThat(f.number("agreement")).isBetween(0.0, 1.0);
        assertThat(f.notes().getFirst()).contains("SwiGLU");
    }

    @Test
    void aNeuronsCardShowsHowItsActivationComesAbout() {
        NeuronCard card = NeuronCard.of(BuiltinModel.model(), BuiltinModel.text(), 3, 41, Progress.silent());
        assertThat(card.places()).hasSize(12);
        double last = Double.POSITIVE_INFINITY;
        for (NeuronCard.Place p : card.places()) {
            double expected = p.pre() * p.coefficient() * p.linear();
            assertThat(p.post()).isCloseTo(expected, within(1e-5 + 1e-5 * Math.abs(expected)));
            assertThat(Math.abs(p.post())).isLessThanOrEqualTo(last);
            last = Math.abs(p.post());
        }
        assertThat(card.promoted().getFirst().logit())
                .isPositive()
                .isGreaterThanOrEqualTo(card.promoted().getLast().logit());
        assertThat(card.suppressed().getFirst().logit()).isNegative();
        assertThat(card.active()).isBetween(0.0, 1.0);
        assertThatThrownBy(() -> NeuronCard.of(BuiltinModel.model(), BuiltinModel.text(), 0, 99_999, Progress.silent()))
                .hasMessageContaining("There is no neuron 99999");
    }
}
