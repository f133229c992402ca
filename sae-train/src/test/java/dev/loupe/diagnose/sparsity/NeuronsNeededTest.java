package dev.loupe.diagnose.sparsity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Leaving out units: CETT, thresholds, the largest, small inputs; identities in closed form and on the embedded model. */
class NeuronsNeededTest {
    @TempDir
    Path folder;

    @Test
    void cettOfOrthogonalOutputsIsARootOfSumsOfSquares() {
        Matrix outputs = Matrix.copyOf(new float[][] {{1, 0, 0}, {0, 2, 0}, {0, 0, 4}});
        OutputShares shares = new OutputShares(OutputShares.norms(outputs));
        shares.add(null, new float[] {3, -2, 3}, outputs); // outputs of length 3, 4 and 12: 13 together
        assertThat(shares.cett(0)).isZero();
        assertThat(shares.cett(Double.POSITIVE_INFINITY)).isEqualTo(1);
        assertThat(shares.cett(3.5)).isCloseTo(3 / 13.0, within(1e-6));
        assertThat(shares.cett(5)).isCloseTo(5 / 13.0, within(1e-6));
        assertThat(shares.active(3.5)).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(shares.needed(0.3)).isEqualTo(2);
        assertThat(shares.epsilon(0.3)).isBetween(3.0, 4.0 + 1e-6);
        assertThat(shares.cett(shares.epsilon(1))).isEqualTo(1);
        double last = 0;
        for (double eps = 0; eps < 15; eps += 0.25) {
            assertThat(shares.cett(eps)).isGreaterThanOrEqualTo(last);
            last = shares.cett(eps);
        }
    }

    @Test
    void aReluLayersZerosAreItsSparsityAtCettZero() {
        Matrix outputs = Matrix.copyOf(new float[][] {{1, 0}, {0, 1}, {1, 1}, {2, 0}});
        OutputShares shares = new OutputShares(OutputShares.norms(outputs));
        shares.add(null, new float[] {0, 3, 0, 1}, outputs);
        assertThat(shares.active(0)).isEqualTo(0.5);
        assertThat(shares.active(shares.epsilon(0))).isEqualTo(0.5);
    }

    @Test
    void theSearchMeetsThePerplexityItIsAskedFor() {
        Finding f = GivenRows.finding(new Cett(), BuiltinModel.subject(80));
        assertThat(f.number("perplexity_ratio")).isBetween(1.0, 1.01).isCloseTo(1.01, within(2e-3));
        assertThat(f.number("activation_ratio")).isBetween(0.01, 0.95);
        assertThat(f.table().rows()).hasSize(BuiltinModel.model().config().nLayers());
    }

    @Test
    void latentsAreCountedFromTheLargestOn() {
        try (ActivationStore store =
                GivenRows.store(folder.resolve("s"), 4, 4, 10, (s, p) -> new float[] {10, 1, 0.05f, 0})) {
            Finding f = GivenRows.run(new LatentsNeeded(), store, GivenRows.identity("one", 4));
            assertThat(f.number("l0")).isEqualTo(3);
            assertThat(f.number("needed_99")).isEqualTo(2);
            assertThat(f.number("needed_90")).isEqualTo(1); // the other two have a length of 1.001 of 10.05
        }
    }

    @Test
    void shiftedThresholdsCostMoreTheMoreTheyLeaveOut() {
        Finding f = GivenRows.finding(new ThresholdShift(), BuiltinModel.subject(80));
        assertThat(f.table().number(0, "threshold")).isZero();
        assertThat(f.table().number(0, "kl")).isZero(); // what is 0 already stays 0
        assertThat(f.number("raw_sparsity")).isCloseTo(f.table().number(0, "sparsity"), within(0.0));
        for (int r = 1; r < f.table().rows().size(); r++) {
            assertThat(f.table().number(r, "sparsity")).isGreaterThan(f.table().number(r - 1, "sparsity"));
        }
        int last = f.table().rows().size() - 1;
        assertThat(f.table().number(last, "kl")).isGreaterThan(f.table().number(1, "kl"));
        assertThat(f.table().number(last, "sparsity")).isCloseTo(0.95, within(0.01));
    }

    @Test
    void theLargestNeuronsStay() {
        float[] row = {1, -5, 0, 3, -2};
        TopKNeurons.keepLargest(row, 2);
        assertThat(row).containsExactly(0, -5, 0, 3, 0);
        TopKNeurons.keepLargest(row, 0);
        assertThat(row).containsOnly(0);
        Finding f = GivenRows.finding(new TopKNeurons(), BuiltinModel.subject(80));
        assertThat(f.table().number(0, "ratio")).isEqualTo(1); // nothing is left out
        assertThat(f.number("ratio_90")).isGreaterThan(f.number("ratio_50"));
        assertThat(f.number("drelu_ratio_0")).isGreaterThan(1); // untrained for it
    }

    @Test
    void smallInputsAreDroppedAsOftenAsAskedOnTextThatWasNotLookedAt() {
        Finding f = GivenRows.finding(new MagnitudePruning(), BuiltinModel.subject(40));
        assertThat(f.number("largest_miss")).isLessThan(0.03);
        assertThat(f.number("kl_all_50")).isGreaterThan(f.number("kl_all_25"));
        assertThat(f.number("kl_all_50")).isGreaterThan(f.number("kl_worst_50"));
        assertThat(f.number("kl_greedy_50")).isBetween(0.0, 1.5 * f.number("kl_all_50"));
    }

    @Test
    void theGreedySplitDropsWhatCostsNothingFirstAndReachesItsTarget() {
        double[][] errors = new double[3][PruningBudget.LEVELS + 1];
        for (int level = 0; level <= PruningBudget.LEVELS; level++) {
            double s = level * PruningBudget.STEP;
            errors[0][level] = s <= 0.9 + 1e-9 ? 0 : 1; // nine inputs of ten are always 0
            errors[1][level] = s * s;
            errors[2][level] = 10 * s * s;
        }
        double[] split = PruningBudget.split(new long[] {100, 100, 100}, errors, 0.5);
        assertThat(split[0]).isCloseTo(0.9, within(1e-9));
        assertThat(split[1]).isGreaterThan(2 * split[2]);
        assertThat((split[0] + split[1] + split[2]) / 3).isBetween(0.5 - 1e-9, 0.5 + PruningBudget.STEP / 3);
        assertThat(PruningBudget.split(new long[] {10, 30, 60}, errors, 0)).containsOnly(0);
        double[] all = PruningBudget.split(new long[] {10, 30, 60}, errors, 1);
        assertThat(all[0]).isCloseTo(0.95, within(1e-9)); // no place can go further
        double[] twins = PruningBudget.split(new long[] {50, 50}, new double[][] {errors[1], errors[1]}, 0.5);
        assertThat(twins[0]).isCloseTo(twins[1], within(PruningBudget.STEP + 1e-9));
    }

    @Test
    void channelsAndDirectionsTogetherAreExactAtBothEnds() {
        Cases.Random random = Cases.Random.of(3);
        Matrix w = Matrix.copyOf(random.matrix(7, 5));
        ChannelImportance.Decomposed parts = new ChannelImportance.Decomposed(w);
        List<float[]> x = List.of(random.floats(5), random.floats(5));
        assertThat(parts.error(x, 5, 0)).isZero(); // every channel
        assertThat(parts.error(x, 0, 5)).isLessThan(1e-5); // every direction
        assertThat(parts.error(x, 0, 0)).isCloseTo(1, within(1e-6));
        double last = 2;
        for (int rank = 0; rank <= 5; rank++) {
            double error = parts.error(x, 0, rank);
            assertThat(error).isLessThanOrEqualTo(last + 1e-6);
            last = error;
        }
        float[] one = {0, 0, 2, 0, 0};
        assertThat(parts.scores(one)[2]).isCloseTo(2 * column(w, 2), within(1e-5));
        assertThat(parts.error(List.of(one), 1, 0)).isZero();
    }

    private static double column(Matrix w, int j) {
        double sum = 0;
        for (int o = 0; o < w.rows(); o++) {
            sum += w.get(o, j) * w.get(o, j);
        }
        return Math.sqrt(sum);
    }

    @Test
    void theSearchForChannelsRunsOverTheEmbeddedModel() {
        Finding f = GivenRows.finding(new ChannelImportance(), BuiltinModel.subject(100));
        assertThat(f.number("error")).isBetween(0.0, 1.0);
        assertThat(f.number("effective_share")).isBetween(0.0, 1.0);
        for (int r = 0; r < f.table().rows().size(); r++) {
            assertThat(f.table().number(r, "error"))
                    .isLessThanOrEqualTo(f.table().number(r, "error_channels"));
            assertThat(f.table().number(r, "error"))
                    .isLessThanOrEqualTo(f.table().number(r, "error_rank"));
        }
    }
}
