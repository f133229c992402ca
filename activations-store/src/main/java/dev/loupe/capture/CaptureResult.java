package dev.loupe.capture;

import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a capture did.
 *
 * @param store the store's name
 * @param folder where the store lies
 * @param hooks its hook points
 * @param tokens rows in the store
 * @param trainTokens rows that training may use
 * @param heldOutTokens rows of held-out documents
 * @param documents documents that rows come from
 * @param sequences sequences that the model was run on
 * @param shards files of rows
 * @param shardsKept shards that an interrupted run had finished
 * @param reused whether the store was there already, made by the same request, and nothing was done
 * @param tokensPerSecond rows captured by this run a second, everything from reading the text to the finished store
 * @param seconds how long this run took
 * @param peakMemoryBytes peak resident memory of the process
 */
@JsonNaming(SnakeCaseStrategy.class)
public record CaptureResult(
        String store,
        Path folder,
        List<String> hooks,
        long tokens,
        long trainTokens,
        long heldOutTokens,
        int documents,
        int sequences,
        int shards,
        int shardsKept,
        boolean reused,
        double tokensPerSecond,
        double seconds,
        long peakMemoryBytes) {}
