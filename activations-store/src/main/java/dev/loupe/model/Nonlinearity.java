package dev.loupe.model;

import ai.djl.ndarray.NDArray;

/** The activation functions of MLPs, with what a backward pass needs of them. */
enum Nonlinearity {
    /** {@code silu(x) = x * sigmoid(x)} (Elfwing et al., arXiv 1702.03118). */
    SILU {
        @Override
        NDArray apply(NDArray x) {
            return x.getNDArrayInternal().sigmoid().muli(x);
        }

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
    };

    /** The function, element by element. */
    abstract NDArray apply(NDArray x);

    /** Its derivative. */
    abstract NDArray derivative(NDArray x);

    /** {@code act(x) / x}, with its limit at 0: the Identity-rule's constant. */
    abstract NDArray ratio(NDArray x);
}
