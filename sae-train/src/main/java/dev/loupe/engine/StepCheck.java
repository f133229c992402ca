package dev.loupe.engine;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;

/** What every engine refuses. */
public final class StepCheck {
    private StepCheck() {}

    /**
     * Checks that a batch, a rule and parameters belong together.
     *
     * @throws UsageException in a sentence if they do not
     */
    public static void check(Parameters p, Matrix x, Matrix target, StepRule rule) {
        if (x.cols() != p.dIn() || target.cols() != p.dOut() || x.rows() < 1 || x.rows() != target.rows()) {
            throw new UsageException("A step needs rows of " + p.dIn() + " values and targets of " + p.dOut() + ", not "
                    + x + " and " + target + ".");
        }
        boolean threshold = rule.selection() == Selection.THRESHOLD;
        if (threshold && !(rule.bandwidth() > 0)) {
            throw new UsageException("Thresholds need a bandwidth above 0.");
        }
        if (threshold != p.threshold().length > 0 || (rule.selection() == Selection.GATE) != p.gated()) {
            throw new UsageException("The parameters do not belong to the selection " + rule.selection() + ".");
        }
        if (rule.subtractBias() && (p.dIn() != p.dOut() || p.skips())) {
            throw new UsageException("Only an SAE can subtract b_dec from its input.");
        }
        if (p.gated() && !rule.unitDecoder()) {
            throw new UsageException("Gates need decoder rows of norm one.");
        }
        if (!threshold && rule.sparsity().preActivation() > 0) {
            throw new UsageException("The loss on pre-activations needs thresholds.");
        }
    }

    /** The failure of a step whose loss is no number. */
    public static Diverged diverged(long step) {
        return ScalarEngine.diverged(step);
    }
}
