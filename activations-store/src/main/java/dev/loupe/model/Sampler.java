package dev.loupe.model;

import dev.loupe.base.LoupeException;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Chooses tokens from logits. Used by one thread. */
final class Sampler {
    private final Sampling sampling;
    private final RandomGenerator random;

    Sampler(Sampling sampling) {
        this.sampling = sampling;
        this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(sampling.seed());
    }

    /** The next token; the smallest id where several are equally likely and the temperature is 0. */
    int next(float[] logits) {
        int best = 0;
        for (int i = 0; i < logits.length; i++) {
            if (Float.isNaN(logits[i]) || logits[i] == Float.POSITIVE_INFINITY) {
                throw new LoupeException(
                        "The model's logits are no numbers any more: an edit is too strong; lower its" + " strength.");
            }
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return sampling.temperature() == 0 ? best : draw(logits, logits[best]);
    }

    private int draw(float[] logits, float max) {
        double[] weights = new double[logits.length];
        double total = 0;
        for (int i = 0; i < logits.length; i++) {
            weights[i] = Math.exp((logits[i] - (double) max) / sampling.temperature());
            total += weights[i];
        }
        boolean cut = sampling.topK() > 0 && sampling.topK() < logits.length;
        if (!cut && sampling.topP() >= 1) {
            return pick(weights, null, weights.length, total);
        }
        long[] order = descending(logits);
        int n = cut ? sampling.topK() : logits.length;
        double kept = 0;
        for (int i = 0; i < n; i++) {
            kept += weights[id(order[i])];
        }
        double limit = sampling.topP() * kept;
        double sum = 0;
        int last = 0;
        while (last < n) { // the token that crosses the limit still belongs
            sum += weights[id(order[last++])];
            if (sum >= limit) {
                break;
            }
        }
        return pick(weights, order, last, sum);
    }

    private int pick(double[] weights, long @org.jspecify.annotations.Nullable [] order, int n, double total) {
        double target = random.nextDouble() * total;
        double sum = 0;
        int chosen = order == null ? 0 : id(order[0]);
        for (int i = 0; i < n; i++) {
            int id = order == null ? i : id(order[i]);
            sum += weights[id];
            if (weights[id] > 0) {
                chosen = id; // rounding can leave the target just above the sum: the last possible token then
            }
            if (sum > target) {
                return id;
            }
        }
        return chosen;
    }

    /** Ids by falling logit, ties by rising id; each packed under a key that sorts upwards. */
    private static long[] descending(float[] logits) {
        long[] keys = new long[logits.length];
        for (int i = 0; i < keys.length; i++) {
            int bits = Float.floatToIntBits(logits[i]);
            int sortable = bits ^ ((bits >> 31) & 0x7fffffff); // as an int, in the order of the floats
            keys[i] = ((long) ~sortable << 32) | i;
        }
        Arrays.sort(keys);
        return keys;
    }

    private static int id(long key) {
        return (int) key;
    }

    /** Natural logarithm of the probability of a token, before temperature and cuts. */
    static float logProb(float[] logits, int id) {
        float max = Float.NEGATIVE_INFINITY;
        for (float x : logits) {
            max = Math.max(max, x);
        }
        double sum = 0;
        for (float x : logits) {
            sum += Math.exp((double) x - max);
        }
        return (float) ((double) logits[id] - max - Math.log(sum));
    }
}
