package dev.loupe.engine;

/**
 * What training pays for active latents, as plain numbers. With a = f · ‖d‖ (d the latent's decoder row; for a gated SAE
 * f is the rectified gate), ω the share of rows of the batch on which a latent fires, and L0 = Σ ω:
 *
 * <pre>{@code
 *   l1 · mean Σ φ(a)                         φ(a) = a, or (a + ε)^p − ε^p for p < 1 with ε = 0.001
 * + tanh · mean Σ tanh(tanhScale · a)
 * + l0 · (L0/l0Target − 1)²                  where l0Target > 0
 *   or l0 · Σ ω(1 + ω/frequencyScale)        where frequencyScale > 0
 *   or l0 · L0
 * + preActivation · mean Σ max(θ − π, 0)‖d‖  over all latents, or over the dead ones; ‖d‖ held constant
 * }</pre>
 *
 * @param l1 weight of Σ φ(a)
 * @param p power of φ, in (0, 1]
 * @param pNext another power whose Σ φ(a) is reported as well; 0 for none
 * @param l0 weight of the penalty on the number of active latents (thresholds)
 * @param l0Target wanted L0, or 0
 * @param frequencyScale ω₀ of the quadratic-frequency penalty, or 0
 * @param tanh weight of the saturating penalty
 * @param tanhScale its c
 * @param preActivation weight of the loss that pulls pre-activations up to their thresholds
 * @param onDeadOnly whether that loss is over dead latents only
 */
public record Sparsity(
        double l1,
        double p,
        double pNext,
        double l0,
        double l0Target,
        double frequencyScale,
        double tanh,
        double tanhScale,
        double preActivation,
        boolean onDeadOnly) {

    /** ε of φ: keeps the slope at 0 finite for p &lt; 1. */
    static final double SMOOTH = 1e-3;

    /** No penalty. */
    public static final Sparsity NONE = new Sparsity(0, 1, 0, 0, 0, 0, 0, 0, 0, false);

    /** λ Σ a. */
    public static Sparsity l1(double weight) {
        return lp(weight, 1, 0);
    }

    /** λ Σ a^p, smoothed; also reports the sum for another power. */
    public static Sparsity lp(double weight, double p, double pNext) {
        return new Sparsity(weight, p, pNext, 0, 0, 0, 0, 0, 0, false);
    }

    /** λ L0, or λ(L0/target − 1)² where the target is above 0. */
    public static Sparsity l0(double weight, double target) {
        return new Sparsity(0, 1, 0, weight, target, 0, 0, 0, 0, false);
    }

    /** λ Σ ω(1 + ω/scale). */
    public static Sparsity frequency(double weight, double scale) {
        return new Sparsity(0, 1, 0, weight, 0, scale, 0, 0, 0, false);
    }

    /** λ Σ tanh(c · a). */
    public static Sparsity tanh(double weight, double c) {
        return new Sparsity(0, 1, 0, 0, 0, 0, weight, c, 0, false);
    }

    /** This and the loss on pre-activations below their thresholds. */
    public Sparsity withPreActivation(double weight, boolean onDead) {
        return new Sparsity(l1, p, pNext, l0, l0Target, frequencyScale, tanh, tanhScale, weight, onDead);
    }

    /** Whether an activation itself costs anything. */
    boolean onActivations() {
        return l1 != 0 || tanh != 0;
    }

    /** φ for the power q. */
    static double power(double a, double q) {
        return q == 1 ? a : Math.pow(a + SMOOTH, q) - Math.pow(SMOOTH, q);
    }

    /** The cost of one activation. */
    double value(double a) {
        return l1 * power(a, p) + (tanh == 0 ? 0 : tanh * Math.tanh(tanhScale * a));
    }

    /** Its derivative with respect to a. */
    double slope(double a) {
        double s = p == 1 ? l1 : l1 * p * Math.pow(a + SMOOTH, p - 1);
        if (tanh != 0) {
            double t = Math.tanh(tanhScale * a);
            s += tanh * tanhScale * (1 - t * t);
        }
        return s;
    }

    /** The cost of the firing of latents, given their frequencies' sum (L0) and sum of squares. */
    double firing(double meanL0, double squares) {
        if (l0Target > 0) {
            double relative = meanL0 / l0Target - 1;
            return l0 * relative * relative;
        }
        return frequencyScale > 0 ? l0 * (meanL0 + squares / frequencyScale) : l0 * meanL0;
    }

    /** The derivative of {@link #firing} with respect to one latent's frequency. */
    double firingSlope(double meanL0, double frequency) {
        if (l0Target > 0) {
            return 2 * l0 * (meanL0 / l0Target - 1) / l0Target;
        }
        return frequencyScale > 0 ? l0 * (1 + 2 * frequency / frequencyScale) : l0;
    }
}
