package dev.loupe.model;

import dev.loupe.base.LoupeException;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/** Chooses the tokens of one text from logits. Used by one thread. */
final class Sampler {
    private final Sampling sampling;
    private final RandomGenerator random;
    /** How often each token was generated; those of the prompt alone stand with 0. */
    private final Map<Integer, Integer> appeared = new HashMap<>();

    Sampler(Sampling sampling) {
        this(sampling, new int[0]);
    }

    /**
     * A sampler.
     *
     * @param prompt what the text begins with, for the repetition penalty
     */
    Sampler(Sampling sampling, int[] prompt) {
        this.sampling = sampling;
        this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(sampling.seed());
        if (sampling.penalties().repetition() != 1) {
            for (int id : prompt) {
                appeared.put(id, 0);
            }
        }
    }

    /** The next token; the smallest id where several are equally likely and the temperature is 0. */
    int next(float[] logits) {
        check(logits);
        float[] scores = penalised(logits);
        int id = sampling.temperature() == 0 ? best(scores) : draw(candidates(scores));
        if (!sampling.penalties().none()) {
            wrote(id);
        }
        return id;
    }

    /** The probability with which each token is drawn next. */
    double[] distribution(float[] logits) {
        float[] scores = penalised(logits);
        double[] p = new double[scores.length];
        if (sampling.temperature() == 0) {
            p[best(scores)] = 1;
            return p;
        }
        Candidates from = candidates(scores);
        for (int i = 0; i < from.n; i++) {
            p[from.id(i)] = from.weights[i] / from.total;
        }
        return p;
    }

    /** A token was written: the penalties count it. */
    void wrote(int id) {
        appeared.merge(id, 1, Integer::sum);
    }

    private static void check(float[] logits) {
        for (float x : logits) {
            if (Float.isNaN(x) || x == Float.POSITIVE_INFINITY) {
                throw new LoupeException(
                        "The model's logits are no numbers any more: an edit is too strong; lower its strength.");
            }
        }
    }

    private static int best(float[] scores) {
        int best = 0;
        for (int i = 1; i < scores.length; i++) {
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        return best;
    }

    private float[] penalised(float[] logits) {
        Sampling.Penalties p = sampling.penalties();
        if (p.none()) {
            return logits;
        }
        float[] scores = logits.clone();
        float repetition = (float) p.repetition();
        appeared.forEach((id, times) -> {
            float score = scores[id];
            if (repetition != 1) {
                score = score < 0 ? score * repetition : score / repetition;
            }
            if (times > 0) {
                score -= (float) (p.presence() + times * p.frequency());
            }
            scores[id] = score;
        });
        p.bias().forEach((id, by) -> {
            if (id >= 0 && id < scores.length) {
                scores[id] += by.floatValue();
            }
        });
        return scores;
    }

    /** Tokens that may be drawn, with weights that need not sum to 1. */
    private record Candidates(int @Nullable [] ids, double[] weights, int n, double total) {
        int id(int i) {
            return ids == null ? i : ids[i];
        }
    }

    private Candidates candidates(float[] scores) {
        double max = scores[best(scores)];
        double[] weights = new double[scores.length];
        double total = 0;
        for (int i = 0; i < scores.length; i++) {
            weights[i] = Math.exp((scores[i] - max) / sampling.temperature());
            total += weights[i];
        }
        boolean cut = sampling.topK() > 0 && sampling.topK() < scores.length;
        if (cut || sampling.topP() < 1) {
            return likeliest(scores, weights, cut ? sampling.topK() : scores.length, total);
        }
        return sampling.minP() > 0
                ? likelyEnough(null, weights, weights.length)
                : new Candidates(null, weights, weights.length, total);
    }

    /** Takes tokens by falling score while top-k and top-p let them in; the one that crosses the limit still belongs. */
    private Candidates likeliest(float[] scores, double[] weights, int k, double all) {
        Descending order = new Descending(scores);
        int[] ids = new int[Math.min(scores.length, 256)];
        double[] kept = new double[ids.length];
        int n = 0;
        double total = 0;
        boolean counted = k < scores.length; // then the k tokens must be known before their probabilities are
        double limit = counted ? Double.POSITIVE_INFINITY : sampling.topP() * all;
        while (order.more() && total < limit) {
            int id = order.next();
            if (counted && n >= k && scores[id] < scores[ids[n - 1]]) {
                break;
            }
            if (n == ids.length) {
                ids = java.util.Arrays.copyOf(ids, 2 * n);
                kept = java.util.Arrays.copyOf(kept, 2 * n);
            }
            ids[n] = id;
            kept[n++] = weights[id];
            total += weights[id];
        }
        if (counted && sampling.topP() < 1) {
            double wanted = sampling.topP() * total;
            int last = 0;
            for (total = 0; last < n && total < wanted; last++) {
                total += kept[last];
            }
            n = last;
        }
        return sampling.minP() > 0 ? likelyEnough(ids, kept, n) : new Candidates(ids, kept, n, total);
    }

    /** Drops what is less likely than a share of the likeliest, whose weight is 1. */
    private Candidates likelyEnough(int @Nullable [] ids, double[] weights, int from) {
        int[] left = new int[from];
        double[] kept = new double[from];
        int n = 0;
        double total = 0;
        for (int i = 0; i < from; i++) {
            if (weights[i] >= sampling.minP()) {
                left[n] = ids == null ? i : ids[i];
                kept[n++] = weights[i];
                total += weights[i];
            }
        }
        return new Candidates(left, kept, n, total);
    }

    private int draw(Candidates from) {
        double target = random.nextDouble() * from.total;
        double sum = 0;
        int chosen = 0;
        for (int i = 0; i < from.n; i++) {
            sum += from.weights[i];
            if (from.weights[i] > 0) {
                chosen = i; // rounding can leave the target just above the sum: the last possible token then
            }
            if (sum > target) {
                return from.id(i);
            }
        }
        return from.id(chosen);
    }

    /** Natural logarithm of the probability of a token, before penalties, temperature and cuts. */
    static float logProb(float[] logits, int id) {
        return (float) (logits[id] - logSumExp(logits));
    }

    /** {@code log sum exp} of logits. */
    static double logSumExp(float[] logits) {
        float max = Float.NEGATIVE_INFINITY;
        for (float x : logits) {
            max = Math.max(max, x);
        }
        double sum = 0;
        for (float x : logits) {
            sum += Math.exp((double) x - max);
        }
        return max + Math.log(sum);
    }
}
