package dev.loupe.model;

import dev.loupe.base.UsageException;
import java.util.List;
import java.util.Map;

/**
 * How the next token is chosen. The steps run in this order, as in transformers' {@code generate}: penalties and biases
 * of logits, temperature, top-k, top-p, min-p.
 *
 * @param maxTokens at most so many new tokens
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK only the k most likely tokens (more if several share the k-th place); 0 for all
 * @param topP only the most likely tokens that together hold this probability (Holtzman et al., arXiv 1904.09751); 1 for
 *     all
 * @param minP only tokens at least so likely as this share of the most likely one (Nguyen et al., arXiv 2407.01082); 0
 *     for all
 * @param penalties what is done to tokens that have appeared
 * @param seed the same seed, prompt and settings give the same tokens
 * @param stop the text ends before the first of these strings that appears in it
 * @param logProbs whether to give the log-probability of every token
 * @param alternatives how many of the most likely tokens to give at every place, with their log-probabilities
 */
public record Sampling(
        int maxTokens,
        double temperature,
        int topK,
        double topP,
        double minP,
        Penalties penalties,
        long seed,
        List<String> stop,
        boolean logProbs,
        int alternatives) {
    /**
     * Changes of logits before anything else.
     *
     * @param repetition divides positive and multiplies negative logits of tokens that are in the prompt or were
     *     generated (Keskar et al., arXiv 1909.05858); 1 for none
     * @param presence is subtracted from the logits of tokens that were generated, as OpenAI defines it; 0 for none
     * @param frequency is subtracted once for each time that a token was generated, as OpenAI defines it; 0 for none
     * @param bias is added to the logits of these token ids
     */
    public record Penalties(double repetition, double presence, double frequency, Map<Integer, Double> bias) {
        /** No penalties. */
        public static final Penalties NONE = new Penalties(1, 0, 0, Map.of());

        /** Checks the ranges. */
        public Penalties {
            if (!(repetition > 0) || Double.isInfinite(repetition)) {
                throw new UsageException(
                        "The repetition penalty is " + repetition + "; it must be above 0, 1 being none.");
            }
            if (!Double.isFinite(presence) || !Double.isFinite(frequency)) {
                throw new UsageException("Presence and frequency penalties must be finite numbers.");
            }
            bias = Map.copyOf(bias);
            if (bias.values().stream().anyMatch(b -> !Double.isFinite(b))) {
                throw new UsageException("Biases of logits must be finite numbers.");
            }
        }

        /** Whether nothing is changed. */
        boolean none() {
            return repetition == 1 && presence == 0 && frequency == 0 && bias.isEmpty();
        }
    }

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
        if (!(minP >= 0 && minP <= 1)) {
            throw new UsageException("min-p is " + minP + "; it must lie between 0 (all) and 1.");
        }
        if (alternatives < 0) {
            throw new UsageException("The number of alternatives is " + alternatives + "; it must be 0 or more.");
        }
        stop = List.copyOf(stop);
        if (stop.contains("")) {
            throw new UsageException("A stop string is empty; leave it out or give it at least one character.");
        }
    }

    /** Without min-p, penalties and alternatives. */
    public Sampling(
            int maxTokens, double temperature, int topK, double topP, long seed, List<String> stop, boolean logProbs) {
        this(maxTokens, temperature, topK, topP, 0, Penalties.NONE, seed, stop, logProbs, 0);
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
        return new Sampling(maxTokens, temperature, topK, topP, minP, penalties, seed, strings, logProbs, alternatives);
    }

    /** The same with log-probabilities. */
    public Sampling withLogProbs() {
        return withLogProbs(alternatives);
    }

    /** The same with log-probabilities, those of the most likely tokens too. */
    public Sampling withLogProbs(int most) {
        return new Sampling(maxTokens, temperature, topK, topP, minP, penalties, seed, stop, true, most);
    }

    /** The same with min-p. */
    public Sampling withMinP(double share) {
        return new Sampling(maxTokens, temperature, topK, topP, share, penalties, seed, stop, logProbs, alternatives);
    }

    /** The same with another seed. */
    public Sampling withSeed(long s) {
        return new Sampling(maxTokens, temperature, topK, topP, minP, penalties, s, stop, logProbs, alternatives);
    }
}
