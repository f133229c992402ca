package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Values by hand and, for the longer ones, by scipy.stats (pearsonr, spearmanr). */
class AgreementTest {
    @Test
    void anEstimateThatIsTwiceTheTruthCorrelatesFullyAndHasSlopeTwo() {
        Agreement a = Agreement.of(new double[] {2, 4, -6, 0}, new double[] {1, 2, -3, 0});
        assertThat(a.pearson()).isCloseTo(1, within(1e-12));
        assertThat(a.spearman()).isCloseTo(1, within(1e-12));
        assertThat(a.slope()).isCloseTo(2, within(1e-12));
        assertThat(a.meanAbsoluteError()).isCloseTo(6 / 4.0, within(1e-12));
    }

    @Test
    void oneBigCellCanCarryPearsonAndWithoutItTheTruthShows() {
        double[] truth = {10, 1, 2, 3, 4};
        double[] estimate = {10, 4, 3, 2, 1};
        Agreement a = Agreement.of(estimate, truth);
        assertThat(a.pearson()).isCloseTo(0.8, within(1e-12)); // numpy.corrcoef
        assertThat(a.spearman()).isCloseTo(0, within(1e-12));
        assertThat(a.withoutTop()).isNotNull();
        assertThat(a.withoutTop().pearson()).isCloseTo(-1, within(1e-12));
        assertThat(a.withoutTop().cells()).isEqualTo(4);
    }

    @Test
    void tiesShareTheirMeanRank() {
        assertThat(Agreement.ranks(new double[] {3, 1, 3, 2, 3})).containsExactly(3, 0, 3, 1, 3);
    }

    @Test
    void aConstantSideHasNoCorrelation() {
        Agreement a = Agreement.of(new double[] {1, 1, 1}, new double[] {1, 2, 3});
        assertThat(a.pearson()).isNull();
        assertThat(a.spearman()).isNull();
        assertThat(a.slope()).isCloseTo(6 / 14.0, within(1e-12));
    }

    @Test
    void differentLengthsAreRefused() {
        assertThatThrownBy(() -> Agreement.of(new double[2], new double[3]))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
