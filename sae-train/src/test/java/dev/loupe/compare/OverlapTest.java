package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.toy.ToySaes;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OverlapTest {

    /** Latents 0–9 in all SAEs, 10–19 in the first two, the rest in one only. */
    private static List<Sae> planted(Cases.Random random, int seeds) {
        int d = 40;
        float[][] common = random.matrix(20, d);
        List<Sae> saes = new ArrayList<>();
        for (int s = 0; s < seeds; s++) {
            float[][] rows = random.matrix(30, d);
            int[] order = random.permutation(30);
            for (int i = 0; i < (s < 2 ? 20 : 10); i++) {
                rows[order[i]] = common[i].clone();
            }
            saes.add(ToySaes.of("s" + s, Architecture.RELU, 0, rows, rows, new float[30], new float[d]));
        }
        return saes;
    }

    private static List<Matching> pairs(List<Sae> saes, boolean backwards) {
        List<Matching> all = new ArrayList<>();
        for (int i = 0; i < saes.size(); i++) {
            for (int j = i + 1; j < saes.size(); j++) {
                all.add(SaeMatcher.match(
                        saes.get(backwards ? j : i), saes.get(backwards ? i : j), 0.9, Progress.silent()));
            }
        }
        return all;
    }

    @Test
    void latentsAreCountedInAsManySaesAsTheyWerePlantedIn() {
        Cases.check(10, random -> {
            List<Sae> saes = planted(random, 4);
            List<String> names = saes.stream().map(Sae::name).toList();
            for (boolean backwards : new boolean[] {false, true}) {
                Overlap o = Overlap.of(names, pairs(saes, backwards), 0.9);
                assertThat(o.histogram()[0]).containsExactly(10, 10, 0, 10);
                assertThat(o.histogram()[1]).containsExactly(10, 10, 0, 10);
                assertThat(o.histogram()[2]).containsExactly(20, 0, 0, 10);
                assertThat(o.transitivity().triples()).isEqualTo(24);
                assertThat(o.transitivity().returnedShared()).isEqualTo(1);
                assertThat(o.transitivity().returned()).isBetween(1.0 / 3, 1.0);
                for (int i = 0; i < 30; i++) {
                    if (o.foundIn()[0][i] == 4) {
                        assertThat(o.stability()[0][i]).isCloseTo(1f, within(1e-5f));
                    } else {
                        assertThat(o.stability()[0][i]).isLessThan(0.9f);
                    }
                }
            }
        });
    }

    @Test
    void theGrowthCurveIsTheMeanOverAllChoicesOfSaes() {
        List<Sae> saes = planted(Cases.random(), 4);
        List<Matching> pairs = pairs(saes, false);
        List<String> names = saes.stream().map(Sae::name).toList();
        Overlap o = Overlap.of(names, pairs, 0.9);
        for (int k = 2; k <= 4; k++) {
            double sum = 0;
            int choices = 0;
            for (int chosen = 0; chosen < 16; chosen++) {
                if (Integer.bitCount(chosen) != k) {
                    continue;
                }
                List<String> some = new ArrayList<>();
                for (int s = 0; s < 4; s++) {
                    if ((chosen >> s & 1) != 0) {
                        some.add(names.get(s));
                    }
                }
                for (int[] counts : Overlap.of(some, pairs, 0.9).histogram()) {
                    sum += counts[0] / 30.0;
                    choices++;
                }
            }
            assertThat(o.onlyOne().get(k - 2).share()).isCloseTo(sum / choices, within(1e-12));
        }
    }

    @Test
    void aWideSaeThatSplitsALatentIsShownAsSuch() {
        Cases.Random random = Cases.random();
        int d = 50;
        float[][] narrow = random.matrix(5, d);
        float[][] wide = random.matrix(12, d);
        for (int p = 0; p < 3; p++) {
            wide[4 + p] = narrow[2].clone();
            for (int c = 0; c < d; c++) {
                wide[4 + p][c] += 0.1f * (p + 1) * (float) random.nextGaussian();
            }
        }
        Matching m = SaeMatcher.match(
                ToySaes.of("narrow", Architecture.RELU, 0, narrow, narrow, new float[5], new float[d]),
                ToySaes.of("wide", Architecture.RELU, 0, wide, wide, new float[12], new float[d]),
                0.7,
                Progress.silent());
        assertThat(m.splits(0.7, 2)).containsExactly(new Matching.Split(2, List.of(4, 5, 6)));
    }

    @Test
    void intervalsResampleSeedsAndHoldTheMean() {
        Cases.check(20, random -> {
            int n = 3 + random.nextInt(6);
            double[][] value = new double[n][n];
            double sum = 0;
            for (int i = 0; i < n; i++) {
                for (int j = i + 1; j < n; j++) {
                    value[i][j] = value[j][i] = random.nextDouble();
                    sum += value[i][j];
                }
            }
            SeedStatistics.Interval mean = SeedStatistics.mean(value);
            assertThat(mean.mean()).isCloseTo(sum / (n * (n - 1) / 2), within(1e-12));
            assertThat(mean.low()).isLessThanOrEqualTo(mean.mean());
            assertThat(mean.high()).isGreaterThanOrEqualTo(mean.mean());
            double[][] more = new double[n][n];
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    more[i][j] = value[i][j] + 0.1;
                }
            }
            SeedStatistics.Interval difference = SeedStatistics.difference(value, more);
            assertThat(difference.low()).isCloseTo(0.1, within(1e-9));
            assertThat(difference.high()).isCloseTo(0.1, within(1e-9));
        });
        // one deviating seed spoils most pairs: resampling pairs as if independent would give a narrower interval
        double[][] one = {{0, 1, 1, 0}, {1, 0, 1, 0}, {1, 1, 0, 0}, {0, 0, 0, 0}};
        assertThat(SeedStatistics.mean(one).low()).isZero();
        assertThat(SeedStatistics.mean(one).high()).isEqualTo(1);
    }

    @Test
    void randomDictionariesShareNothing() {
        Matching m = SeedNull.match(200, 64, 0.7, Progress.silent());
        assertThat(m.shared()).isZero();
        assertThat(m.pwMcc()).isBetween(0.1, 0.5);
    }
}
