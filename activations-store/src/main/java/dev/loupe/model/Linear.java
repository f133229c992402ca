package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * One linear map.
 *
 * @param weight {@code [out, in]}
 * @param bias {@code [out]}, or null
 */
record Linear(NDArray weight, @Nullable NDArray bias) {
    /** The same without a bias. */
    Linear withoutBias() {
        return bias == null ? this : new Linear(weight, null);
    }

    /** {@code x W^T + b}. */
    NDArray apply(NDArray x) {
        return ai.djl.nn.core.Linear.linear(x, weight, bias).singletonOrThrow();
    }

    /** {@code g W}: the gradient with respect to x. */
    NDArray backward(NDArray g) {
        return g.matMul(weight);
    }
}
