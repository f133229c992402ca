package dev.loupe.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** The plan's simulations against what can be counted by hand. */
class ScaleTest {
    private static final double[] EVEN = ScaledTraining.even();

    private static org.assertj.core.data.Offset<Double> close(double to) {
        return within(1e-9 * to);
    }

    @Test
    void trainingTakesWhatTheProcessorsTakeWhereTheStorageIsFast() {
        ScaledTraining all = new ScaledTraining(100, 8, 10, 1, 1e12);
        assertThat(all.on(1, EVEN)).isCloseTo(1000, close(1000));
        assertThat(all.on(100, EVEN)).isCloseTo(10, close(10)); // an SAE each
        assertThat(all.on(1000, EVEN)).isCloseTo(10, close(10)); // no more than that
        assertThat(all.on(13, EVEN)).isCloseTo(80, close(80)); // nine groups of eight, four of seven
        assertThat(all.on(10, EVEN)).isCloseTo(100, close(100)); // two rounds of groups of five
    }

    @Test
    void trainingTakesWhatTheStorageTakesWhereThatIsSlow() {
        // a hundred readers of 1 TB at 1 GB/s in all, whatever the processors could
        assertThat(new ScaledTraining(100, 8, 1, 1e12, 1e9).on(100, EVEN)).isCloseTo(1e5, close(1e5));
        // thirteen groups read thirteen times
        assertThat(new ScaledTraining(100, 8, 1, 1e12, 1e9).on(13, EVEN)).isCloseTo(1.3e4, close(1.3e4));
    }

    @Test
    void anSaeTakesItsDenseProductsAtTheRateOfWholeStepsAndNothingOnTop() {
        // 10^10 tokens by 4096 by 131,072: at 10 TFLOP/s of whole steps 298 hours
        assertThat(ScaleBench.secondsOfAnSae(10e12)).isCloseTo(2e10 * 4096 * 131_072 / 10e12, close(1e6));
        assertThat(ScaleBench.secondsOfAnSae(20e12)).isCloseTo(ScaleBench.secondsOfAnSae(10e12) / 2, close(5e5));
    }

    @Test
    void aStragglerHoldsUpTheEndAndFreesTheStorageForNobodyElse() {
        double slow = new ScaledTraining(4, 1, 10, 1, 1e12).on(2, new double[] {1, 3});
        assertThat(slow).isBetween(20.0, 60.0);
    }

    @Test
    void captureTakesWhatTheMachinesTakeUntilTheDriverIsTheSlowest() {
        double shards = 10_000_000_000L / ((256 << 20) / (4 * 4096 * 3)); // whole shards of whole rows
        double task = 2.8;
        double one = ScaleBench.simulate(1, 0, task, 0, EVEN);
        assertThat(one).isCloseTo(shards * (task + 0.03), close(one));
        double many = ScaleBench.simulate(1000, 0.1, task, 0.2, EVEN);
        assertThat(many).isBetween(shards * 0.2999, shards * 0.3001 + 10 * task);
    }
}
