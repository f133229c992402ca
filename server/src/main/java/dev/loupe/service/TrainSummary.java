package dev.loupe.service;

import dev.loupe.train.TrainResult;
import java.util.List;

/**
 * What a training gave.
 *
 * @param saes one per seed
 * @param tokensPerSecond rows trained on a second, over all seeds; 0 if nothing had to be trained
 * @param seconds in all
 * @param peakMemoryBytes largest resident memory of the process
 */
public record TrainSummary(List<TrainResult> saes, double tokensPerSecond, double seconds, long peakMemoryBytes) {
    static TrainSummary of(List<TrainResult> results) {
        double seconds = results.stream().mapToDouble(TrainResult::seconds).sum();
        long tokens = results.stream().mapToLong(TrainResult::tokens).sum();
        long peak =
                results.stream().mapToLong(TrainResult::peakMemoryBytes).max().orElse(0);
        return new TrainSummary(List.copyOf(results), tokens > 0 && seconds > 0 ? tokens / seconds : 0, seconds, peak);
    }
}
