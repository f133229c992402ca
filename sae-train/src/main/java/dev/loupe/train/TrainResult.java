package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Path;
import java.util.Map;

/**
 * One trained SAE.
 *
 * @param name its name
 * @param folder where it lies
 * @param seed of its initial weights
 * @param kept whether it was there already, complete and with the same settings, so that nothing was trained
 * @param resumedFrom the step that training went on from, 0 if it began at the beginning
 * @param tokens rows that this run of the command trained on
 * @param seconds that it took
 * @param tokensPerSecond of this run
 * @param peakMemoryBytes largest resident memory of the process so far, 0 if the system does not tell
 * @param metrics of the last step, on its training batch
 */
public record TrainResult(
        String name,
        Path folder,
        long seed,
        boolean kept,
        @JsonProperty("resumed_from") long resumedFrom,
        long tokens,
        double seconds,
        @JsonProperty("tokens_per_second") double tokensPerSecond,
        @JsonProperty("peak_memory_bytes") long peakMemoryBytes,
        Map<String, Double> metrics) {
    /** The same SAE in another folder. */
    TrainResult in(Path other) {
        return new TrainResult(
                name, other, seed, kept, resumedFrom, tokens, seconds, tokensPerSecond, peakMemoryBytes, metrics);
    }
}
