package dev.loupe.diagnose.geometry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.diagnose.Algebra;
import dev.loupe.diagnose.BuiltinModel;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.GivenModel;
import dev.loupe.diagnose.GivenRows;
import dev.loupe.model.HookPoint;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Paths through layers whose shape is known. */
class PathsTest {
    private static final double ANGLE = Math.PI / 6;

    /** A state of two planes that turns by the same angle in every layer. */
    private static float[] turned(int[] ids, int p, int layer) {
        Random random = new Random(31L * ids[p] + p);
        float[] h = new float[4];
        for (int plane = 0; plane < 2; plane++) {
            double a = random.nextGaussian();
            double b = random.nextGaussian();
            double t = layer * ANGLE;
            h[2 * plane] = (float) (a * Math.cos(t) - b * Math.sin(t));
            h[2 * plane + 1] = (float) (a * Math.sin(t) + b * Math.cos(t));
        }
        return h;
    }

    @Test
    void aRotationHasOneSpeedAndOneCurvature() {
        GivenModel model = new GivenModel(5, 4);
        for (int l = 0; l < 5; l++) {
            int layer = l;
            model.with(HookPoint.residPre(l), (ids, p) -> turned(ids, p, layer));
        }
        model.with(HookPoint.residPost(4), (ids, p) -> turned(ids, p, 5));
        Finding f = GivenRows.finding(new DepthProfile(), model.reading(20, 30));
        for (int l = 0; l < 5; l++) {
            assertThat(f.table().number(l, "velocity")).isCloseTo(2 * Math.sin(ANGLE / 2), within(1e-5));
            if (l > 0) {
                assertThat(f.table().number(l, "curvature")).isCloseTo(1 - Math.cos(ANGLE), within(1e-5));
            }
        }
        assertThat(f.number("participation_end")).isBetween(3.0, 4.0); // four directions, nearly even
    }

    @Test
    void aPathThatStandsStillIsCorrelatedInFull() {
        GivenModel model = new GivenModel(2, 4)
                .with(HookPoint.residPre(0), (ids, p) -> turned(ids, p, 0))
                .with(HookPoint.residPre(1), (ids, p) -> turned(ids, p, 0))
                .with(HookPoint.residPost(1), (ids, p) -> minus(turned(ids, p, 0)));
        Finding f = GivenRows.finding(new DepthProfile(), model.reading(10, 20));
        assertThat(f.table().number(0, "correlation")).isCloseTo(1, within(1e-6));
        assertThat(f.table().number(0, "velocity")).isZero();
        assertThat(f.table().number(1, "correlation")).isCloseTo(-1, within(1e-6));
        assertThat(f.table().number(1, "velocity")).isCloseTo(2, within(1e-6));
    }

    private static float[] minus(float[] x) {
        float[] y = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = -x[i];
        }
        return y;
    }

    @Test
    void aPushIsWholeWhereItHappens() {
        Finding f = GivenRows.finding(new PerturbationReturn(), BuiltinModel.subject(100));
        assertThat(f.table().number(0, "left")).isEqualTo(1);
        assertThat(f.number("left_first")).isPositive();
        assertThat(f.table().rows()).hasSize(6 + 4 + 2); // pushed at 0, 2 and 4 of six layers
    }

    @Test
    void theEffectiveRankCountsEvenDirections() {
        assertThat(Algebra.effectiveRank(new double[] {2, 2, 2, 2, 0})).isCloseTo(4, within(1e-9));
        assertThat(EffectiveRank.random(100, 1)).isCloseTo(200 / Math.PI, within(1e-9));
        double deficit2 = 100 - EffectiveRank.random(100, 2);
        double deficit3 = 100 - EffectiveRank.random(100, 3);
        assertThat(deficit3 / deficit2).isCloseTo(0.3634, within(1e-4)); // the published ratio
        GivenModel model = new GivenModel(2, 6)
                .with(HookPoint.residPost(0), (ids, p) -> axis(p % 6))
                .with(HookPoint.residPost(1), (ids, p) -> axis(p % 2));
        Finding f = GivenRows.finding(new EffectiveRank(), model.reading(10, 61)); // BOS and 60 tokens
        assertThat(f.table().number(0, "effective_rank")).isCloseTo(5, within(1e-3)); // centred: one direction less
        assertThat(f.table().number(1, "effective_rank")).isCloseTo(1, within(1e-3));
    }

    private static float[] axis(int i) {
        float[] x = new float[6];
        x[i] = 1;
        return x;
    }

    @Test
    void channelsThatNeverChangeHaveNoVariance() {
        GivenModel model = new GivenModel(1, 2)
                .with(HookPoint.residPost(0), (ids, p) -> new float[] {3, p % 2 == 0 ? 1 : -1})
                .with(HookPoint.attnOut(0), (ids, p) -> new float[] {1, 1})
                .with(HookPoint.mlpOut(0), (ids, p) -> new float[] {0, 2});
        Finding f = GivenRows.finding(new SignalPropagation(), model.reading(4, 21)); // 20 tokens, half even
        assertThat(f.table().number(0, "squared_mean")).isCloseTo(9 / 2.0, within(1e-6));
        assertThat(f.table().number(0, "variance")).isCloseTo(0.5, within(1e-6));
        assertThat(f.table().number(1, "variance")).isZero();
        assertThat(f.table().number(2, "squared_mean")).isCloseTo(2, within(1e-6));
        assertThat(f.number("mean_share_end")).isCloseTo(0.9, within(1e-6));
    }

    @Test
    void headsThatLookEverywhereOrAtOnePlaceAreToldApart() {
        int keys = 12;
        GivenModel model = new GivenModel(1, 4).with(HookPoint.block(0, "attn.hook_pattern"), (ids, p) -> {
            float[] row = new float[2 * keys];
            for (int k = 0; k <= p; k++) {
                row[k] = 1f / (p + 1);
            }
            row[keys] = 1; // the second head: BOS alone
            return row;
        });
        Finding f = GivenRows.finding(new AttentionEntropy(), model.reading(3, keys));
        assertThat(f.table().number(0, "entropy")).isCloseTo(1, within(1e-6));
        assertThat(f.table().number(1, "entropy")).isZero();
        assertThat(f.number("overloaded")).isEqualTo(1);
        assertThat(f.number("collapsed")).isEqualTo(1);
    }

    @Test
    void aStraightWalkDoesNotFoldAndOneOutAndBackFoldsByHalf() {
        List<BitSet> straight = walk(0, 1, 2, 3, 4);
        List<BitSet> back = walk(0, 1, 2, 1, 0);
        assertThat(SpaceFolding.folding(straight)).isZero();
        assertThat(SpaceFolding.folding(back)).isEqualTo(0.5);
        assertThat(SpaceFolding.folding(walk(2, 2, 2))).isZero();
        Finding f = GivenRows.finding(new SpaceFolding(), BuiltinModel.subject(100));
        assertThat(f.number("largest")).isBetween(f.number("mean"), 1.0);
        assertThat(f.number("first_layer")).isGreaterThanOrEqualTo(0);
    }

    /** Codes with the first so many bits set. */
    private static List<BitSet> walk(int... bits) {
        return IntStream.of(bits)
                .mapToObj(n -> {
                    BitSet b = new BitSet();
                    b.set(0, n);
                    return b;
                })
                .toList();
    }
}
