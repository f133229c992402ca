package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.core.Embedding;
import dev.loupe.tensor.Torch;

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
    private final boolean whole;

    Rotary(NDManager manager, ModelConfig config, int dims, LayerSpec layer) {
        this.dims = dims;
        whole = dims == config.dHead();
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

    private NDArray turn(NDArray x, NDArray[] angles, boolean back) {
        NDArray c = angles[0];
        NDArray s = angles[1];
        NDList halves = whole ? x.split(2, 3) : x.split(new long[] {dims / 2, dims}, 3);
        NDArray a = halves.get(0);
        NDArray b = halves.get(1);
        NDArray first = a.mul(c);
        NDArray second = b.mul(c);
        NDArray bs = b.mul(s);
        NDArray as = a.mul(s);
        NDList turned =
                back ? new NDList(first.addi(bs), second.subi(as)) : new NDList(first.subi(bs), second.addi(as));
        if (!whole) {
            turned.add(halves.get(2));
        }
        return NDArrays.concat(turned, 3);
    }
}
