package dev.loupe.steer;

import dev.loupe.model.Activation;
import dev.loupe.sae.LatentReader;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Whether a condition holds at each position of the pass that is running. Probes at the condition's hooks tell it the
 * values; the edits, further on, ask. {@code seen} tests remember over the tokens of one text and forget when a text
 * begins anew (position 0).
 */
final class Gate {
    private final Condition condition;
    private final Map<Condition.Test, Double> thresholds;
    private final Text text;
    private final Map<Condition.Test, boolean[][]> now = new HashMap<>();
    private final Map<Condition.Test, boolean[]> seen = new HashMap<>();
    private int start;
    private int last = -1;

    Gate(Condition condition, Map<Condition.Test, Double> thresholds, Text text) {
        this.condition = condition;
        this.thresholds = thresholds;
        this.text = text;
    }

    /** Whether the condition holds at the last token that the model has read, if that one was generated. */
    boolean openAtLastGenerated(int promptLength) {
        return last >= 0 && start + last >= promptLength && open(0, last);
    }

    /** Reads the values of some tests at their hook. */
    void probe(List<Probe> probes, Activation a) {
        start = a.startPosition();
        last = a.length(0) - 1;
        for (Probe probe : probes) {
            boolean[][] holds = new boolean[a.batch()][a.positions()];
            boolean[] carried = seen.get(probe.test());
            if (carried == null || a.startPosition() == 0 || carried.length != a.batch()) {
                carried = new boolean[a.batch()];
                seen.put(probe.test(), carried);
            }
            LatentReader latent = probe.latent();
            double threshold = Objects.requireNonNull(thresholds.get(probe.test()));
            for (int b = 0; b < a.batch(); b++) {
                for (int p = 0; p < a.length(b); p++) {
                    double value = latent == null ? a.get(b, p, probe.index()) : latent.read(a.row(b, p))[0];
                    boolean is = !text.special(a, b, p) && probe.test().holds(value, threshold);
                    carried[b] |= is;
                    holds[b][p] = probe.test().seen() ? carried[b] : is;
                }
            }
            now.put(probe.test(), holds);
        }
    }

    /** Whether the condition holds. */
    boolean open(int b, int p) {
        for (List<Condition.Test> all : condition.any()) {
            boolean holds = true;
            for (Condition.Test t : all) {
                holds &= Objects.requireNonNull(now.get(t), "probe did not run")[b][p];
            }
            if (holds) {
                return true;
            }
        }
        return false;
    }

    /**
     * A test with what it reads.
     *
     * @param latent reads a latent, null for a neuron
     * @param index number of latent or neuron
     */
    record Probe(Condition.Test test, @Nullable LatentReader latent, int index) {}
}
