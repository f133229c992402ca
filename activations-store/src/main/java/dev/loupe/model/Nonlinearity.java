package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import dev.loupe.kernel.Activations;
import dev.loupe.tensor.Torch;
import java.lang.ref.Reference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The activation functions of MLPs, with what a backward pass needs of them. */
enum Nonlinearity {
    /** {@code silu(x) = x * sigmoid(x)} (Elfwing et al., arXiv 1702.03118). */
    SILU(Activations.SILU, "silu", "swish") {
        @Override
        NDArray derivative(NDArray x) {
            NDArray s = x.getNDArrayInternal().sigmoid();
            // s + x s (1 - s)
            return s.sub(s.square()).muli(x).addi(s);
        }

        @Override
        NDArray ratio(NDArray x) {
            return x.getNDArrayInternal().sigmoid(); // 1/2 at 0, the limit
        }
    },

    /** {@code max(0, x)}; its derivative at 0 counts as 0. */
    RELU(Activations.RELU, "relu") {
        @Override
        NDArray derivative(NDArray x) {
            return ratio(x);
        }

        @Override
        NDArray ratio(NDArray x) {
            return Torch.positive(x);
        }
    },

    /** {@code x * Phi(x)} with the normal distribution function (Hendrycks and Gimpel, arXiv 1606.08415). */
    GELU(Activations.GELU, "gelu") {
        @Override
        NDArray derivative(NDArray x) {
            // Phi(x) + x phi(x)
            NDArray density = x.square().muli(-0.5f).exp().muli((float) (1 / Math.sqrt(2 * Math.PI)));
            return ratio(x).addi(density.muli(x));
        }

        @Override
        NDArray ratio(NDArray x) {
            return x.mul((float) Math.sqrt(0.5)).erf().addi(1f).muli(0.5f);
        }
    },

    /** {@code x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))}, the approximation in the same paper, section 2. */
    GELU_TANH(Activations.GELU_TANH, "gelu_new", "gelu_pytorch_tanh", "gelu_fast") {
        @Override
        NDArray derivative(NDArray x) {
            NDArray t = tanh(x);
            NDArray inner = x.square().muli(3 * CUBIC).addi(1f).muli(ROOT);
            // (1 + t) / 2 + x / 2 (1 - t^2) u'(x)
            NDArray slope = t.square().muli(-1f).addi(1f).muli(inner).muli(x);
            return t.addi(1f).addi(slope).muli(0.5f);
        }

        @Override
        NDArray ratio(NDArray x) {
            return tanh(x).addi(1f).muli(0.5f);
        }

        private NDArray tanh(NDArray x) {
            return x.square().muli(CUBIC).addi(1f).muli(x).muli(ROOT).tanh();
        }
    };

    private static final float CUBIC = 0.044715f;
    private static final float ROOT = (float) Math.sqrt(2 / Math.PI);

    private final Activations kernel;
    private final List<String> names;

    Nonlinearity(Activations kernel, String... names) {
        this.kernel = kernel;
        this.names = List.of(names);
    }

    /** The function that {@code config.json} calls so; null if it is none of these. */
    static @Nullable Nonlinearity named(String name) {
        for (Nonlinearity one : values()) {
            if (one.names.contains(name)) {
                return one;
            }
        }
        return null;
    }

    /** All names that {@link #named} knows. */
    static List<String> known() {
        return java.util.Arrays.stream(values()).flatMap(n -> n.names.stream()).toList();
    }

    /** The function, element by element. */
    NDArray apply(NDArray x) {
        return apply(x, null);
    }

    /** The function times a factor, if there is one. */
    NDArray apply(NDArray x, @Nullable NDArray factor) {
        if (!Torch.inReach(x)) {
            NDArray y = ratio(x).muli(x);
            return factor == null ? y : y.muli(factor);
        }
        Torch.Values values = Torch.values(x);
        Torch.Values factors = factor == null ? null : Torch.values(factor);
        NDArray y = Torch.empty(x.getManager(), x.getShape().getShape());
        kernel.apply(values.memory(), factors == null ? null : factors.memory(), Torch.memory(y));
        Reference.reachabilityFence(values);
        Reference.reachabilityFence(factors);
        return y;
    }

    /** The same over memory. */
    Activations kernel() {
        return kernel;
    }

    /** Its derivative. */
    abstract NDArray derivative(NDArray x);

    /** {@code act(x) / x}, with its limit at 0: the Identity-rule's constant. */
    abstract NDArray ratio(NDArray x);
}
