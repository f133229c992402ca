package dev.loupe.patch;

import dev.loupe.base.UsageException;
import java.util.Locale;

/** The number, read at the last position of a run, that a patch is asked to move. Always: more is more like clean. */
public enum PatchMetric {
    /** logit(answer) − logit(wrong); of sets, the means of their logits. */
    DIFFERENCE("difference", "logits"),
    /** The difference scaled so that the corrupted run is 0 and the clean run 1. */
    NORMALISED("normalised", "share of the clean-corrupt difference"),
    /** log p(answer), in nats; of a set, of the sum of its probabilities. */
    LOGPROB("logprob", "nats"),
    /** p(answer) − p(wrong), of sets the sums: the metric of the greater-than task (arXiv 2305.00586). */
    PROBABILITY("probability", "probability"),
    /** −KL(clean ‖ run) over the whole vocabulary, in nats: 0 for the clean run, negative for others. */
    KL("kl", "nats");

    private final String key;
    private final String unit;

    PatchMetric(String key, String unit) {
        this.key = key;
        this.unit = unit;
    }

    /** The name used on the command line and in JSON. */
    public String key() {
        return key;
    }

    /** What one unit of the metric is, in words. */
    public String unit() {
        return unit;
    }

    /** Whether it cannot do without a wrong answer. */
    boolean needsWrong() {
        return this == DIFFERENCE || this == NORMALISED || this == PROBABILITY;
    }

    /**
     * The metric with this name (American spelling accepted).
     *
     * @throws UsageException if there is none
     */
    public static PatchMetric of(String name) {
        String wanted = name.toLowerCase(Locale.ROOT);
        if (wanted.equals("normalized")) {
            return NORMALISED;
        }
        for (PatchMetric m : values()) {
            if (m.key.equals(wanted)) {
                return m;
            }
        }
        throw new UsageException("There is no patching metric \"" + name
                + "\"; use difference, normalised, logprob, probability or" + " kl.");
    }
}
