package dev.loupe.model;

import java.util.ArrayList;
import java.util.List;

/** The log-probabilities that the logits of one place stand for. */
public final class LogProbabilities {
    private final float[] logits;
    private final double norm;

    private LogProbabilities(float[] logits) {
        this.logits = logits;
        this.norm = Sampler.logSumExp(logits);
    }

    /** From logits {@code [d_vocab]}, which are kept. */
    public static LogProbabilities of(float[] logits) {
        return new LogProbabilities(logits);
    }

    /** Natural logarithm of the probability of a token. */
    public double of(int id) {
        return logits[id] - norm;
    }

    /** The most likely tokens, most likely first. */
    public List<Candidate> likeliest(int n) {
        if (n == 0) {
            return List.of();
        }
        Descending order = new Descending(logits);
        List<Candidate> all = new ArrayList<>();
        while (order.more() && all.size() < n) {
            int id = order.next();
            all.add(new Candidate(id, (float) of(id)));
        }
        return List.copyOf(all);
    }
}
