package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.loupe.kernel.StoredMatrix;
import dev.loupe.kernel.StoredProduct;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * One linear map, computed in float32 from weights in the type they are stored in.
 *
 * @param weight {@code [out, in]}
 * @param bias {@code [out]}, or null
 */
record Linear(StoredMatrix weight, @Nullable MemorySegment bias) {
    /** The same without a bias. */
    Linear withoutBias() {
        return bias == null ? this : new Linear(weight, null);
    }

    /** {@code x W^T + b}. */
    NDArray apply(NDArray x) {
        return product(x, weight.cols(), weight.rows(), false);
    }

    /** {@code g W}: the gradient with respect to x. */
    NDArray backward(NDArray g) {
        return product(g, weight.rows(), weight.cols(), true);
    }

    /** {@code x W^T + b} as a part of a product, into memory. */
    StoredProduct.Part part(MemorySegment out) {
        return new StoredProduct.Part(weight, bias, out);
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
            StoredProduct.multiplyTransposed(values.memory(), rows, weight, Torch.memory(y));
        } else {
            StoredProduct.multiply(values.memory(), rows, weight, bias, Torch.memory(y));
        }
        Reference.reachabilityFence(values);
        return y;
    }

    /** The weight as a float32 tensor {@code [out, in]}, a copy. */
    NDArray decoded(NDManager manager) {
        NDArray all = Torch.empty(manager, weight.rows(), weight.cols());
        weight.decode(0, weight.rows(), Torch.memory(all));
        return all;
    }

    /** The bias as a tensor, without a copy; null if there is none. */
    @Nullable NDArray biasTensor(NDManager manager) {
        return bias == null ? null : Torch.wrap(manager, bias, weight.rows());
    }
}
