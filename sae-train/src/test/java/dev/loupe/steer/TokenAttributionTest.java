package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.LogProbabilities;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.patch.ToySae;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attribution of a token and contrast of texts, on the embedded model. */
class TokenAttributionTest {
    private static final String HOOK = "blocks.2.hook_resid_post";

    @TempDir
    static Path folder;

    private static LanguageModel model;
    private static final Sae SAE = ToySae.random("s", Architecture.TOPK, 192, 300, 12, HOOK);

    @BeforeAll
    static void open() {
        model = LanguageModels.open(LanguageModels.builtin(folder), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static double logProb(int[] ids, int token, double scale, int feature) {
        SteeringContext context = new SteeringContext() {
            @Override
            public Sae sae(String name) {
                return SAE;
            }

            @Override
            public OptionalDouble maxActivation(String sae, int id) {
                return OptionalDouble.empty();
            }

            @Override
            public SteeringVector vector(String name) {
                throw new NotFoundException(name);
            }
        };
        Variant v = Variant.of(Edit.feature("s", feature, EditOp.SCALE, scale));
        Taps taps = Steering.taps(v, model, context, ids);
        float[] logits =
                model.forward(TokenBatch.of(ids), taps, Want.LAST_LOGITS).lastLogits(0);
        return LogProbabilities.of(logits).of(token);
    }

    @Test
    void aScoreIsTheSlopeOfTheLogProbabilityWhenTheLatentIsScaled() {
        int[] ids = model.tokenizer().encode("The debate is closed and the vote will take place");
        TokenAttribution a = TokenAttribution.of(model, SAE, ids, -1, 8, Progress.silent());
        assertThat(a.features()).hasSize(8);
        assertThat(a.tokens()).hasSize(ids.length);
        assertThat(a.logprob()).isCloseTo(logProb(ids, a.token(), 1, 0), within(1e-4));
        for (TokenAttribution.Feature f : a.features().subList(0, 3)) {
            double step = 0.02;
            double slope = (logProb(ids, a.token(), 1 + step, f.id()) - logProb(ids, a.token(), 1 - step, f.id()))
                    / (2 * step);
            assertThat(f.score()).isCloseTo(slope, within(0.02 * Math.abs(slope) + 1e-3));
        }
        double sum = TokenAttribution.of(model, SAE, ids, a.token(), 1000, Progress.silent()).features().stream()
                .mapToDouble(TokenAttribution.Feature::score)
                .sum();
        assertThat(sum).isCloseTo(a.total(), within(1e-4));
    }

    @Test
    void whatCannotBeAttributedIsRefused() {
        assertThatThrownBy(() -> TokenAttribution.of(model, SAE, new int[0], -1, 8, Progress.silent()))
                .isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> TokenAttribution.of(model, SAE, new int[] {5}, 99_999, 8, Progress.silent()))
                .hasMessageContaining("99999");
    }

    @Test
    void twoLanguagesAreToldApartByAProbeAndByLatents() {
        List<String> a = List.of(
                "Je voudrais remercier le rapporteur", "Nous devons voter sur la proposition", "Le débat est clos");
        List<String> b = List.of(
                "I would like to thank the rapporteur",
                "We must vote on the proposal",
                "The debate is closed",
                "It is so");
        TextContrast c = TextContrast.of(model, SAE, a, b, List.of(), 0, 20, Progress.silent());
        assertThat(c.texts()).containsExactly(3, 4);
        assertThat(c.probeAccuracy()).isGreaterThan(0.8);
        assertThat(c.chance()).isCloseTo(4 / 7.0, within(1e-9));
        assertThat(c.features()).hasSize(20);
        TextContrast.Feature best = c.features().getFirst();
        assertThat(Math.abs(best.auc() - 0.5)).isGreaterThan(0.4);
        assertThat(best.auc() > 0.5).isEqualTo(best.meanA() > best.meanB());
        assertThat(Direction.norm(c.difference())).isCloseTo(c.norm(), within(1e-6));
        TextContrast back = TextContrast.of(model, SAE, b, a, List.of(), 0, 300, Progress.silent());
        TextContrast.Feature same = back.features().stream()
                .filter(f -> f.id() == best.id())
                .findFirst()
                .orElseThrow();
        assertThat(same.auc()).isCloseTo(1 - best.auc(), within(1e-12));
        assertThatThrownBy(() -> TextContrast.of(model, SAE, a, List.of("one"), List.of(), 0, 20, Progress.silent()))
                .isInstanceOf(UsageException.class);
    }

    @Test
    void leftOutPredictionsAreThoseOfProbesFittedWithoutThePoint() {
        Cases.Random r = Cases.Random.of(2);
        float[][] noise = r.matrix(40, 3);
        assertThat(RidgeProbe.fit(noise, 20).accuracy()).isLessThan(0.75); // nothing to learn
        for (int i = 0; i < 20; i++) {
            noise[i][1] += 6;
        }
        RidgeProbe probe = RidgeProbe.fit(noise, 20);
        assertThat(probe.accuracy()).isEqualTo(1);
        float[] w = probe.scaled(1);
        assertThat((double) w[1]).isGreaterThan(0.9); // the planted dimension
    }
}
