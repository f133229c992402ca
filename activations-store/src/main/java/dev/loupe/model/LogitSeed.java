package dev.loupe.model;

/** A metric of the last logits of a row, with its gradient: where a backward pass begins. */
@FunctionalInterface
public interface LogitSeed {
    /**
     * Computes the metric.
     *
     * @param row row of the batch
     * @param lastLogits logits at the row's last real token, {@code [d_vocab]}; not to be changed
     * @param gradOut receives d value / d logits, {@code [d_vocab]}, all 0 on entry
     * @return the value of the metric
     */
    double seed(int row, float[] lastLogits, float[] gradOut);

    /** The logit of one token minus that of another. */
    static LogitSeed difference(int answer, int wrong) {
        return (row, logits, grad) -> {
            grad[answer] += 1;
            grad[wrong] -= 1;
            return (double) logits[answer] - logits[wrong];
        };
    }
}
