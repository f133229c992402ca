package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import dev.loupe.tensor.Torch;

/** RMSNorm without its gain: {@code y = x / s}, {@code s = sqrt(mean(x^2) + eps)} (arXiv 1910.07467), and its gradient. */
final class Norms {
    private final NDArray eps;
    private final NDArray one;

    Norms(Weights weights, ModelConfig config) {
        eps = Torch.floats(weights.manager, new float[] {(float) config.normEps()}, 1);
        one = Torch.floats(weights.manager, new float[] {1f}, 1);
    }

    /** {@code s} of the last dimension, which becomes 1. */
    NDArray scale(NDArray x) {
        return x.square().mean(new int[] {-1}, true).addi(eps).sqrt();
    }

    /** {@code x * (1 / s)}, rounded as the reference implementation rounds it. */
    NDArray normalized(NDArray x, NDArray scale) {
        return x.mul(one.div(scale));
    }

    /**
     * The gradient of x from that of y: {@code (g - y mean(g y)) / s}, or {@code g / s} where the LN-rule takes s for a
     * constant.
     */
    NDArray backward(NDArray g, NDArray x, NDArray scale, Rules rules) {
        NDArray inverse = one.div(scale);
        if (rules.layerNorm()) {
            return g.mul(inverse);
        }
        NDArray y = x.mul(inverse);
        NDArray projection = y.mul(g.mul(y).mean(new int[] {-1}, true));
        return g.sub(projection).muli(inverse);
    }
}
