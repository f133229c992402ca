package dev.loupe.diagnose.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenModel;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.diagnose.Limits;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.TextSample;
import dev.loupe.math.Matrix;
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
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToySaes;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Diagnostics of trust on SAEs and models whose behaviour is known. */
class TrustTest {
    @TempDir
    Path folder;

    /** The toy model's activations are never negative, so that a ReLU identity gives them back. */
    private static final Sae PERFECT = GivenRows.identity("perfect", 5);

    private static Subject subject(@Nullable ActivationStore store, Sae... saes) {
        return new Subject(
                new GivenModel(1, 5), GivenModel.text(12, 10), store, List.of(saes), List.of(), Limits.standard());
    }

    private ActivationStore store() {
        GivenModel model = new GivenModel(1, 5);
        TextSample text = GivenModel.text(12, 10);
        return GivenRows.store(
                folder.resolve("s"),
                5,
                12,
                9,
                (s, p) -> model.activations(text.sequences().get(s))[p + 1]);
    }

    @Test
    void aPerfectSaeIsAtNoDistanceAndItsTwinPredictsTheSame() {
        try (ActivationStore store = store()) {
            Finding splice = GivenRows.finding(new SpliceDistance(), subject(store, PERFECT));
            assertThat(splice.number("distance")).isZero();
            assertThat(splice.number("kl")).isZero();
            assertThat(splice.table().number(2, "kl")).isPositive(); // zeros in place
            Finding twins = GivenRows.finding(new Twins(), subject(store, PERFECT, PERFECT));
            assertThat(twins.number("kl_twins")).isZero();
            assertThat(twins.number("relative_difference")).isZero();
            assertThat(twins.number("agreement")).isEqualTo(1);
        }
    }

    @Test
    void twinsThatDifferAreComparedWithOneAnother() {
        Sae silent = ToySaes.of(
                "silent", Architecture.JUMPRELU, 1e6f, unit(5), unit(5), new float[5], new float[] {1, 0, 0, 0, 0});
        Finding f = GivenRows.finding(new Twins(), subject(null, PERFECT, silent));
        assertThat(f.table().number(0, "kl")).isZero();
        assertThat(f.table().number(1, "kl")).isPositive();
        assertThat(f.number("kl_twins")).isPositive(); // the other way round: KL is not symmetric
        assertThat(f.table().number(2, "total_variation"))
                .isCloseTo(f.table().number(1, "total_variation"), within(1e-6));
    }

    private static float[][] unit(int n) {
        float[][] one = new float[n][n];
        for (int i = 0; i < n; i++) {
            one[i][i] = 1;
        }
        return one;
    }

    @Test
    void thePatternAloneNeverDoesBetterThanTheExactCodeOfAPerfectSae() {
        try (ActivationStore store = store()) {
            Finding f = GivenRows.finding(new PatternOnly(), subject(store, PERFECT));
            assertThat(f.number("delta_exact")).isZero();
            assertThat(f.number("delta_pattern")).isNotZero();
            assertThat(f.table().number(1, "kl")).isPositive();
        }
    }

    @Test
    void aLinearSaeGoesAlongWithAnythingAndADeadOneStaysAtItsBias() {
        Random random = new Random(8);
        try (ActivationStore store = GivenRows.store(folder.resolve("s"), 6, 20, 30, (s, p) -> {
            float[] x = new float[6];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) random.nextGaussian();
            }
            return x;
        })) {
            float[][] both = new float[12][6];
            for (int i = 0; i < 6; i++) {
                both[i][i] = 1;
                both[i + 6][i] = -1;
            }
            Sae linear = ToySaes.of("linear", Architecture.RELU, 0, both, both, new float[12], new float[6]);
            Finding f = GivenRows.run(new Extrapolation(), store, linear);
            assertThat(f.number("reach_real")).isCloseTo(1, within(1e-6));
            assertThat(f.number("reach_far")).isCloseTo(1, within(1e-6));
            assertThat(f.number("unexplained_far")).isCloseTo(0, within(1e-9));
            assertThat(f.answer()).contains("goes along");
            Sae dead = ToySaes.of("dead", Architecture.JUMPRELU, 1e6f, both, both, new float[12], new float[6]);
            assertThat(GivenRows.run(new Extrapolation(), store, dead).number("reach_far"))
                    .isZero();
        }
    }

    @Test
    void confidenceIsJudgedByRanks() {
        assertThat(ConfidenceFlags.auroc(new double[] {3, 4}, new double[] {1, 2}))
                .isEqualTo(1);
        assertThat(ConfidenceFlags.auroc(new double[] {1, 2}, new double[] {3, 4}))
                .isZero();
        assertThat(ConfidenceFlags.auroc(new double[] {5, 5}, new double[] {5, 5, 5}))
                .isEqualTo(0.5);
        assertThat(ConfidenceFlags.auroc(new double[] {1, 3}, new double[] {2})).isEqualTo(0.5);
        Finding f = GivenRows.finding(new ConfidenceFlags(), BuiltinModel.subject(100));
        assertThat(f.number("auroc_top")).isBetween(0.4, 1.0);
        assertThat(f.notes()).hasSize(1);
    }

    @Test
    void warmGatesAreNearlyLinear() {
        Finding f = GivenRows.finding(new SoftGate(), BuiltinModel.subject(100));
        assertThat(f.number("cosine_1")).isBetween(-1.0, 1.0);
        double at10 = f.table().number(5, "cosine");
        double at100 = f.table().number(6, "cosine");
        assertThat(at100).isCloseTo(at10, within(0.1)); // both gates are nearly one half
    }

    @Test
    void theBudgetGrowsWithTheTextAndShrinksByComputingAgain() {
        Finding f = GivenRows.finding(new MemoryBudget(), BuiltinModel.subject(100));
        assertThat(f.number("all")).isGreaterThan(f.number("inputs"));
        assertThat(f.number("inputs")).isGreaterThanOrEqualTo(f.number("square_root"));
    }

    @Test
    void aDirectionAmongEmbeddingsIsExcitedMostAlongItself() {
        LanguageModel model = BuiltinModel.model();
        int d = model.config().dModel();
        float[][] enc = new float[40][d];
        Random random = new Random(9);
        for (float[] row : enc) {
            for (int j = 0; j < d; j++) {
                row[j] = (float) random.nextGaussian();
            }
            double norm = Numbers.norm(row);
            for (int j = 0; j < d; j++) {
                row[j] /= (float) norm;
            }
        }
        HookPoint hook = HookPoint.residPre(0); // the embedding itself, where positions are rotary
        float[] one = model.forward(
                        TokenBatch.of(BuiltinModel.text().sequences().getFirst()), Taps.read(hook), Want.NOTHING)
                .activation(hook)
                .row(0, 3);
        float[] bias = new float[40];
        Arrays.fill(bias, (float) (-0.12 * Numbers.norm(one))); // a latent is active on few tokens
        Sae sae = new Sae(
                "directions",
                new SaeConfig(Architecture.RELU, 0, true, model.id(), hook.name(), Map.of()),
                new SaeWeights(Matrix.copyOf(enc), Matrix.copyOf(enc), bias, new float[d], new float[0]),
                SaeProvenance.unknown());
        Finding f = GivenRows.finding(new ActivationMaximum(), BuiltinModel.subject(100, sae));
        assertThat(f.table().rows()).isNotEmpty();
        for (int r = 0; r < f.table().rows().size(); r++) {
            double single = f.table().number(r, "single");
            assertThat(single).isGreaterThanOrEqualTo(f.table().number(r, "real") - 1e-4);
            assertThat(f.table().number(r, "ascent")).isGreaterThan(1.5 * single); // no token lies along it
        }
        assertThat(f.number("single_beats_text")).isBetween(0.0, 1.0);
    }
}
