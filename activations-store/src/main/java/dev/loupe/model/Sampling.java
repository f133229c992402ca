package dev.loupe.model;

import dev.loupe.base.UsageException;
import java.util.List;

/**
 * How the next token is chosen.
 *
 * @param maxTokens at most so many new tokens
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK only the k most likely tokens; 0 for all
 * @param topP only the most likely tokens that together hold this probability; 1 for all. Applied after the temperature
 *     and after topK
 * @param seed the same seed, prompt and settings give the same tokens
 * @param stop the text ends before the first of these strings that appears in it
 * @param logProbs whether to give the log-probability of every token
 */
public record Sampling(
        int maxTokens, double temperature, int topK, double topP, long seed, List<String> stop, boolean logProbs) {
    /** Checks the ranges. */
    public Sampling {
        if (maxTokens < 0) {
            throw new UsageException("The number of new tokens is " + maxTokens + "; it must be 0 or more.");
        }
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new UsageException("The temperature is " + temperature + "; it must be 0 (greedy) or more.");
        }
        if (topK < 0) {
            throw new UsageException("top-k is " + topK + "; it must be 0 (all) or more.");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new UsageException("top-p is " + topP + "; it must lie above 0 and not above 1.");
        }
        stop = List.copyOf(stop);
        if (stop.contains("")) {
            throw new UsageException("A stop string is empty; leave it out or give it at least one character.");
        }
    }

    /** Always the most likely token. */
    public static Sampling greedy(int maxTokens) {
        return new Sampling(maxTokens, 0, 0, 1, 0, List.of(), false);
    }

    /** Random tokens at a temperature. */
    public static Sampling random(int maxTokens, double temperature, double topP, long seed) {
        return new Sampling(maxTokens, temperature, 0, topP, seed, List.of(), false);
    }

    /** The same with stop strings. */
    public Sampling withStop(List<String> strings) {
        return new Sampling(maxTokens, temperature, topK, topP, seed, strings, logProbs);
    }

    /** The same with log-probabilities. */
    public Sampling withLogProbs() {
        return new Sampling(maxTokens, temperature, topK, topP, seed, stop, true);
    }
}
