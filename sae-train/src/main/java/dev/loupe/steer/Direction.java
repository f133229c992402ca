package dev.loupe.steer;

import dev.loupe.math.DoubleOps;
import dev.loupe.sae.LatentReader;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is edited at one hook, with all its edits in order. The value a of a latent is its activation, of a neuron its
 * own number, of a vector v the component (h·v)/(v·v); one unit of it adds {@code d} to the hook's value.
 *
 * @param target what it is
 * @param latent reads the activation of a latent, else null
 * @param index number of the latent or neuron, −1 for a vector
 * @param d decoder row or vector; null for a neuron, whose direction is its own axis
 * @param norm ‖d‖
 * @param edits the edits, first one first
 */
record Direction(
        Target target,
        @Nullable LatentReader latent,
        int index,
        float @Nullable [] d,
        double norm,
        List<CompiledEdit> edits) {

    static double norm(float[] d) {
        double sum = 0;
        for (float v : d) {
            sum += (double) v * v;
        }
        return Math.sqrt(sum);
    }

    /** Whether a latent's activation must be computed for some edit at this place. */
    boolean needsCode(int position, int promptLength, boolean special) {
        if (latent == null) {
            return false;
        }
        for (CompiledEdit e : edits) {
            if (e.needsValue() && e.covers(position, promptLength, special)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Adds this direction's share of the change of one position.
     *
     * @param h the hook's value before all edits
     * @param code the latent's activation, 0 if it need not be known
     * @param change receives (a′ − a)·d
     */
    void addChange(float[] h, double code, int position, int promptLength, boolean special, double[] change) {
        double before = value(h, code);
        double after = before;
        double size = 0;
        for (CompiledEdit e : edits) {
            if (!e.covers(position, promptLength, special)) {
                continue;
            }
            if (e.ofNorm() && size == 0) {
                size = norm(h) / norm;
            }
            after = e.apply(after, size, e.schedule().factor(position, promptLength));
        }
        double by = after - before;
        if (by == 0) {
            return;
        }
        if (d == null) {
            change[index] += by;
            return;
        }
        for (int i = 0; i < change.length; i++) {
            change[i] += by * d[i];
        }
    }

    /**
     * Removes what is left along the direction.
     *
     * @param share how much of it, 0 to 1
     */
    void project(float[] h, double share) {
        if (d == null) {
            h[index] = (float) ((1 - share) * h[index]);
            return;
        }
        double along = share * DoubleOps.dot(h, d) / (norm * norm);
        for (int i = 0; i < h.length; i++) {
            h[i] = (float) (h[i] - along * d[i]);
        }
    }

    /** The largest share that the edits that project out have at a place. */
    double projected(int position, int promptLength, boolean special) {
        double most = 0;
        for (CompiledEdit e : edits) {
            if (e.op() == EditOp.PROJECT && e.covers(position, promptLength, special)) {
                most = Math.max(most, e.schedule().factor(position, promptLength));
            }
        }
        return most;
    }

    private double value(float[] h, double code) {
        if (latent != null) {
            return code;
        }
        return d == null ? h[index] : DoubleOps.dot(h, d) / (norm * norm);
    }
}
