package dev.loupe.model;

/** The results of a backward pass: the gradient of the SUM over rows of the metric, by hook point. */
public interface Backward {
    /** The metric of a row. */
    double value(int row);

    /**
     * The gradient with respect to the values of a hook point (after its editors, where it has any), in the hook
     * point's own shape; 0 at padding. {@link IllegalStateException} if it was not asked for.
     */
    Activation gradient(HookPoint hook);

    /** The forward pass that belongs to it: what the taps read, and the last logits. */
    Forward forward();
}
