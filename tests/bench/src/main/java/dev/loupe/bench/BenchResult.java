package dev.loupe.bench;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A finished comparison.
 *
 * @param name the benchmark
 * @param setting what was done
 * @param unit what the figures count; more is better
 * @param ours median of our runs
 * @param peer median of the peer's runs, null without a peer
 * @param ratio ours / peer, null without a peer
 * @param oursSpread (largest − smallest) / median of our runs
 * @param peerSpread the same for the peer
 * @param oursRuns every run of ours, in order
 * @param peerRuns every run of the peer, in order
 * @param answer our answer
 * @param peerAnswer the peer's answer, null without a peer
 * @param threads threads each of the two may use
 * @param beside medians of what else was measured in the same runs
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record BenchResult(
        String name,
        String setting,
        String unit,
        double ours,
        @Nullable Double peer,
        @Nullable Double ratio,
        double oursSpread,
        @Nullable Double peerSpread,
        List<Double> oursRuns,
        List<Double> peerRuns,
        double answer,
        @Nullable Double peerAnswer,
        int threads,
        Map<String, Double> beside) {

    static double median(List<Double> runs) {
        double[] sorted =
                runs.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    static double spread(List<Double> runs) {
        double[] all = runs.stream().mapToDouble(Double::doubleValue).toArray();
        double largest = Arrays.stream(all).max().orElseThrow();
        double smallest = Arrays.stream(all).min().orElseThrow();
        return (largest - smallest) / median(runs);
    }
}
