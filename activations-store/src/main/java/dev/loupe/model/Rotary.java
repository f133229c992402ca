package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.core.Embedding;
import dev.loupe.kernel.Passes;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Rotary position embedding (Su et al., arXiv 2104.09864) in the layout of Llama checkpoints: dimension i is paired with
 * {@code i + r / 2}, r being the number of dimensions that are rotated (the first ones of a head), and the angle is
 * {@code position * theta^(-2i / r)} unless the model scales its frequencies ({@link RopeScaling}). Angles are rounded to
 * float32 in the same places as the reference implementation rounds them, because the products with large positions show
 * the difference.
 */
final class Rotary {
    private final NDArray cos; // [n_ctx, 1, r / 2]
    private final NDArray sin;
    private final int dims;

    Rotary(NDManager manager, ModelConfig config, int dims, LayerSpec layer) {
        this.dims = dims;
        int half = dims / 2;
        float[] c = new float[Math.multiplyExact(config.nCtx(), half)];
        float[] s = new float[c.length];
        for (int i = 0; i < half; i++) {
            float exponent = 2f * i / dims;
            float frequency = layer.rope().apply(i, 1f / (float) Math.pow(layer.ropeTheta(), exponent));
            for (int p = 0; p < config.nCtx(); p++) {
                float angle = p * frequency;
                c[p * half + i] = (float) Math.cos(angle);
                s[p * half + i] = (float) Math.sin(angle);
            }
        }
        cos = Torch.floats(manager, c, config.nCtx(), 1, half);
        sin = Torch.floats(manager, s, config.nCtx(), 1, half);
    }

    /** Cosines and sines of a pass, {@code [pos, 1, r / 2]} or, where rows begin at different positions, one per row. */
    NDArray[] angles(Pass pass) {
        if (pass.aligned()) {
            NDIndex rows = new NDIndex().addSliceDim(pass.start, pass.start + pass.positions);
            return new NDArray[] {cos.get(pass.manager, rows), sin.get(pass.manager, rows)};
        }
        long[] flat = pass.allPositions((int) cos.getShape().get(0));
        NDArray at = Torch.longs(pass.manager, flat, pass.batch(), pass.positions);
        return new NDArray[] {rows(cos, at), rows(sin, at)};
    }

    private NDArray rows(NDArray table, NDArray at) {
        return Embedding.embedding(at, table.reshape(table.getShape().get(0), dims / 2), SparseFormat.DENSE)
                .singletonOrThrow()
                .expandDims(2);
    }

    /** Rotates {@code [batch, pos, head, d_head]}, each row from its own position on. */
    NDArray rotate(NDArray x, Pass pass) {
        return turn(x, pass.angles(this), false);
    }

    /** The transposed rotation, from position 0: gradients of rotated values to gradients of the values. */
    NDArray back(NDArray x) {
        NDIndex rows = new NDIndex().addSliceDim(0, x.getShape().get(1));
        return turn(x, new NDArray[] {cos.get(x.getManager(), rows), sin.get(x.getManager(), rows)}, true);
    }

    /** The same in place: {@code [batch, pos, head, d_head]}. */
    void rotate(MemorySegment x, Pass pass, int heads, int dHead) {
        turn(x, pass, heads, dHead, false);
    }

    /** The transposed rotation in place, for a pass over sequences from their beginning. */
    void back(MemorySegment x, Pass pass, int heads, int dHead) {
        turn(x, pass, heads, dHead, true);
    }

    private void turn(MemorySegment x, Pass pass, int heads, int dHead, boolean back) {
        NDArray[] angles = pass.angles(this);
        Torch.Values c = Torch.values(angles[0]);
        Torch.Values s = Torch.values(angles[1]);
        Passes.rotate(x, pass.rows(), heads, dHead, c.memory(), s.memory(), dims / 2, back, x);
        Reference.reachabilityFence(c);
        Reference.reachabilityFence(s);
    }

    /** The rotation in tensors: {@code (a cos - b sin, b cos + a sin)}, and what is not rotated behind it. */
    private NDArray turned(NDArray x, NDArray c, NDArray s) {
        int half = dims / 2;
        NDArray a = last(x, 0, half);
        NDArray b = last(x, half, dims);
        NDList parts = new NDList(a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s)));
        long width = x.getShape().get(3);
        if (width > dims) {
            parts.add(last(x, dims, width));
        }
        return NDArrays.concat(parts, 3);
    }

    private static NDArray last(NDArray x, long from, long to) {
        return x.get(new NDIndex().addAllDim(3).addSliceDim(from, to));
    }

    private NDArray turn(NDArray x, NDArray[] angles, boolean back) {
        if (!Torch.inReach(x)) {
            return turned(x, angles[0], back ? angles[1].neg() : angles[1]);
        }
        long[] shape = x.getShape().getShape();
        Torch.Values values = Torch.values(x);
        Torch.Values c = Torch.values(angles[0]);
        Torch.Values s = Torch.values(angles[1]);
        NDArray y = Torch.empty(x.getManager(), shape);
        Passes.rotate(
                values.memory(),
                (int) (shape[0] * shape[1]),
                (int) shape[2],
                (int) shape[3],
                c.memory(),
                s.memory(),
                dims / 2,
                back,
                Torch.memory(y));
        Reference.reachabilityFence(values);
        Reference.reachabilityFence(c);
        Reference.reachabilityFence(s);
        return y;
    }
}
