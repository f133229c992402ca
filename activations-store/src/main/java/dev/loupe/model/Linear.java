package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.loupe.kernel.StoredMatrix;
import dev.loupe.kernel.StoredProduct;
import dev.loupe.kernel.TransposedProduct;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * One linear map, computed in float32 from weights in the type they are stored in, or by the tensor library from float32
 * tensors.
 *
 * @param weight {@code [out, in]}
 * @param bias {@code [out]}, or null
 * @param tensor the weight where the model has no kernels, {@code [out, in]}; null where it has
 * @param biasTensor the bias there; null if there is none
 */
record Linear(
        StoredMatrix weight,
        @Nullable MemorySegment bias,
        @Nullable NDArray tensor,
        @Nullable NDArray biasTensor) {
    /** Values that are decoded at a time on their way to a device. */
    private static final int VALUES_AT_ONCE = 1 << 24;

    /** A map in memory, and as tensors too if the manager's are out of reach. */
    static Linear of(NDManager manager, StoredMatrix weight, @Nullable MemorySegment bias) {
        if (Torch.inReach(manager)) {
            return new Linear(weight, bias, null, null);
        }
        NDArray biases = bias == null ? null : Torch.over(manager, bias, weight.rows());
        return new Linear(weight, bias, decoded(manager, weight), biases);
    }

    /** The same without a bias. */
    Linear withoutBias() {
        return bias == null ? this : new Linear(weight, null, tensor, null);
    }

    /** {@code x W^T + b}. */
    NDArray apply(NDArray x) {
        if (tensor != null) {
            return x.getNDArrayInternal().linear(x, tensor, biasTensor).singletonOrThrow();
        }
        return product(x, weight.cols(), weight.rows(), false);
    }

    /** {@code g W}: the gradient with respect to x. */
    NDArray backward(NDArray g) {
        if (tensor != null) {
            return g.matMul(tensor);
        }
        return product(g, weight.rows(), weight.cols(), true);
    }

    /** {@code x W^T + b} as a part of a product, into memory. */
    StoredProduct.Part part(MemorySegment out) {
        return new StoredProduct.Part(weight, bias, out);
    }

    /** {@code g W} as a part of a sum of gradients. */
    TransposedProduct.Term term(MemorySegment g) {
        return new TransposedProduct.Term(weight, g);
    }

    private NDArray product(NDArray x, int from, int to, boolean transposed) {
        long[] shape = x.getShape().getShape();
        if (shape[shape.length - 1] != from) {
            throw new IllegalArgumentException(x.getShape() + " does not fit " + weight);
        }
        shape = shape.clone();
        shape[shape.length - 1] = to;
        int rows = Math.toIntExact(new Shape(shape).size() / to);
        NDArray y = Torch.empty(x.getManager(), shape);
        Torch.Values values = Torch.values(x);
        if (transposed) {
            TransposedProduct.run(rows, Torch.memory(y), term(values.memory()));
        } else {
            StoredProduct.multiply(values.memory(), rows, weight, bias, Torch.memory(y));
        }
        Reference.reachabilityFence(values);
        return y;
    }

    /** The weight as a float32 tensor {@code [out, in]}; not to be changed. */
    NDArray decoded(NDManager manager) {
        return tensor != null ? tensor : decoded(manager, weight);
    }

    /** The bias as a tensor, not to be changed; null if there is none. */
    @Nullable NDArray biasTensor(NDManager manager) {
        return bias == null ? null : biasTensor != null ? biasTensor : Torch.wrap(manager, bias, weight.rows());
    }

    private static NDArray decoded(NDManager manager, StoredMatrix weight) {
        NDArray all = Torch.empty(manager, weight.rows(), weight.cols());
        if (Torch.inReach(manager)) {
            weight.decode(0, weight.rows(), Torch.memory(all));
            return all;
        }
        int step = Math.max(1, VALUES_AT_ONCE / weight.cols());
        try (Arena arena = Arena.ofConfined();
                NDManager own = manager.newSubManager()) {
            MemorySegment some = arena.allocate(4L * Math.min(step, weight.rows()) * weight.cols(), 64);
            for (int from = 0; from < weight.rows(); from += step) {
                int to = Math.min(weight.rows(), from + step);
                MemorySegment part = some.asSlice(0, 4L * (to - from) * weight.cols());
                weight.decode(from, to, part);
                try (NDArray there = Torch.over(own, part, to - from, weight.cols())) {
                    all.set(new NDIndex().addSliceDim(from, to), there);
                }
            }
        }
        return all;
    }
}
