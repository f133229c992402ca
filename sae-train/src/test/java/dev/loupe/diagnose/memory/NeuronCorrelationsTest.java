package dev.loupe.diagnose.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.TextSample;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Correlations of neurons with a latent against two plain passes over everything at once. */
class NeuronCorrelationsTest {
    private static final LanguageModel MODEL = BuiltinModel.model();
    private static final TextSample TEXT = new TextSample(
            "a little text",
            BuiltinModel.text().sequences().subList(0, 14),
            BuiltinModel.text().labels().subList(0, 14),
            BuiltinModel.text().special(),
            2); // the first positions do not count

    private static Sae sae(Architecture architecture, String hook, float[][] rows, float[] bias) {
        return new Sae(
                "some",
                new SaeConfig(
                        architecture, architecture == Architecture.TOPK ? 5 : 0, true, MODEL.id(), hook, Map.of()),
                new SaeWeights(Matrix.copyOf(rows), Matrix.copyOf(rows), bias, new float[rows[0].length], new float[0]),
                SaeProvenance.unknown());
    }

    /** The values of a hook point on every token that counts, one pass for each sequence. */
    private static List<float[]> rows(HookPoint hook) {
        List<float[]> rows = new ArrayList<>();
        for (int[] ids : TEXT.sequences()) {
            Forward run = MODEL.forward(TokenBatch.of(ids), Taps.read(hook), Want.NOTHING);
            for (int p = 0; p < ids.length; p++) {
                if (TEXT.ordinary(ids, p)) {
                    rows.add(run.activation(hook).row(0, p));
                }
            }
        }
        return rows;
    }

    private static double pearson(List<float[]> rows, int i, float[] latent) {
        double mean = 0;
        double own = 0;
        for (int t = 0; t < latent.length; t++) {
            mean += rows.get(t)[i] / (double) latent.length;
            own += latent[t] / (double) latent.length;
        }
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int t = 0; t < latent.length; t++) {
            double x = rows.get(t)[i] - mean;
            double y = latent[t] - own;
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        return xy / Math.sqrt(xx * yy);
    }

    private static double cosine(List<float[]> rows, int i, float[] latent) {
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int t = 0; t < latent.length; t++) {
            double x = rows.get(t)[i];
            xy += x * latent[t];
            xx += x * x;
            yy += (double) latent[t] * latent[t];
        }
        return xy / Math.sqrt(xx * yy);
    }

    @ParameterizedTest
    @CsvSource({"RELU,blocks.1.hook_resid_post", "TOPK,blocks.1.hook_resid_pre", "RELU,blocks.1.mlp.hook_post"})
    void they_are_those_of_two_passes_over_all_tokens(Architecture architecture, String hook) {
        HookPoint place = HookPoint.of(hook);
        int width = MODEL.hook(hook).width();
        Sae sae = sae(architecture, hook, Cases.Random.of(5).matrix(40, width), new float[40]);
        List<float[]> x = rows(place);
        float[] latent = new float[x.size()];
        var codes = sae.encode(Matrix.copyOf(x.toArray(float[][]::new)));
        int id = 0;
        int firings = 0;
        while (firings < 10) { // one that fires now and then
            id++;
            firings = 0;
            for (int t = 0; t < latent.length; t++) {
                latent[t] = codes.value(t, id);
                firings += latent[t] != 0 ? 1 : 0;
            }
        }
        NeuronCorrelation found = NeuronCorrelations.of(sae, MODEL, TEXT, id, 9, Progress.silent());
        assertThat(found.tokens()).isEqualTo(latent.length);
        assertThat(found.firings()).isEqualTo(firings);
        assertThat(found.layers()).isEqualTo(2);
        assertThat(found.own()).isEqualTo(hook.contains("mlp"));
        assertThat(found.neurons()).hasSize(9);
        assertThat(found.dimensions()).hasSize(9);
        List<List<float[]>> layers = List.of(rows(HookPoint.mlpPost(0)), rows(HookPoint.mlpPost(1)));
        double last = 2;
        for (NeuronCorrelation.Neuron n : found.neurons()) {
            List<float[]> own = layers.get(n.layer());
            assertThat(n.pearson()).isCloseTo(pearson(own, n.neuron(), latent), within(1e-5));
            assertThat(n.cosine()).isCloseTo(cosine(own, n.neuron(), latent), within(1e-5));
            assertThat(Math.abs(n.pearson())).isLessThanOrEqualTo(last);
            last = Math.abs(n.pearson());
        }
        int larger = 0;
        for (List<float[]> own : layers) {
            for (int i = 0; i < MODEL.config().dMlp(); i++) {
                larger += Math.abs(pearson(own, i, latent)) > last + 1e-5 ? 1 : 0;
            }
        }
        assertThat(larger).isLessThan(9);
        for (NeuronCorrelation.Dimension d : found.dimensions()) {
            assertThat(d.pearson()).isCloseTo(pearson(x, d.dimension(), latent), within(1e-5));
            assertThat(d.cosine()).isCloseTo(cosine(x, d.dimension(), latent), within(1e-5));
        }
    }

    @Test
    void a_latent_that_is_a_neuron_is_found_and_one_that_never_fires_has_none() {
        int width = MODEL.config().dMlp();
        float[][] rows = new float[3][width];
        rows[1][17] = 1; // the neuron itself, lifted above 0 by its bias
        rows[2][17] = 1;
        Sae sae = sae(Architecture.RELU, "blocks.1.mlp.hook_post", rows, new float[] {0, 100, -1e6f});
        NeuronCorrelation found = NeuronCorrelations.of(sae, MODEL, TEXT, 1, 3, Progress.silent());
        assertThat(found.firings()).isEqualTo(found.tokens());
        assertThat(found.neurons().getFirst().layer()).isEqualTo(1);
        assertThat(found.neurons().getFirst().neuron()).isEqualTo(17);
        assertThat(found.neurons().getFirst().pearson()).isCloseTo(1, within(1e-4));
        assertThat(found.dimensions().getFirst().dimension()).isEqualTo(17);
        NeuronCorrelation never = NeuronCorrelations.of(sae, MODEL, TEXT, 2, 3, Progress.silent());
        assertThat(never.firings()).isZero();
        assertThat(never.neurons()).isEmpty();
        assertThat(never.dimensions()).isEmpty();
        assertThatThrownBy(() -> NeuronCorrelations.of(sae, MODEL, TEXT, 3, 3, Progress.silent()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("0 to 2");
    }
}
