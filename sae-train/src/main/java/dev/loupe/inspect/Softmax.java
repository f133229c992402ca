package dev.loupe.inspect;

import dev.loupe.feature.PartialText;
import dev.loupe.math.TopK;
import dev.loupe.model.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** A distribution over the vocabulary, from logits. */
final class Softmax {
    final float[] logits;
    private final double logSum;

    Softmax(float[] logits) {
        this.logits = logits;
        double max = Double.NEGATIVE_INFINITY;
        for (float l : logits) {
            max = Math.max(max, l);
        }
        double sum = 0;
        for (float l : logits) {
            sum += Math.exp(l - max);
        }
        this.logSum = max + Math.log(sum);
    }

    double logProbability(int token) {
        return logits[token] - logSum;
    }

    float probability(int token) {
        return (float) Math.exp(logProbability(token));
    }

    /** 1 for the most probable token; of equals the lower id comes first. */
    int rank(int token) {
        int rank = 1;
        for (int t = 0; t < logits.length; t++) {
            rank += logits[t] > logits[token] || logits[t] == logits[token] && t < token ? 1 : 0;
        }
        return rank;
    }

    double entropy() {
        double entropy = 0;
        for (int t = 0; t < logits.length; t++) {
            double log = logProbability(t);
            entropy -= Math.exp(log) * log;
        }
        return entropy;
    }

    /** KL divergence of another distribution from this one, in nats. */
    double kl(Softmax other) {
        double kl = 0;
        for (int t = 0; t < logits.length; t++) {
            double log = logProbability(t);
            kl += Math.exp(log) * (log - other.logProbability(t));
        }
        return Math.max(0, kl);
    }

    int best() {
        int best = 0;
        for (int t = 1; t < logits.length; t++) {
            best = logits[t] > logits[best] ? t : best;
        }
        return best;
    }

    TokenScore score(int token, Tokenizer tokenizer) {
        return new TokenScore(token, PartialText.token(tokenizer, token), logits[token], probability(token));
    }

    List<TokenScore> top(int count, TopK topK, Tokenizer tokenizer) {
        int[] ids = new int[count];
        int found = topK.select(logits, 0, logits.length, Math.min(count, logits.length), ids);
        List<TokenScore> top = new ArrayList<>();
        for (int k = 0; k < found; k++) {
            top.add(score(ids[k], tokenizer));
        }
        top.sort(Comparator.comparingDouble((TokenScore s) -> -s.logit()).thenComparingInt(TokenScore::token));
        return List.copyOf(top);
    }
}
