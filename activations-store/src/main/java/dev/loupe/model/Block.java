package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import dev.loupe.tensor.Torch;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of one block. Shapes: B sequences, T positions, K keys (T, or more with a cache), D = d_model,
 * H query heads in groups of G around each of V key-value heads, h = d_head.
 */
final class Block {
    private final int layer;
    private final ModelConfig config;
    private final Architecture architecture;
    private final Weights.Layer weights;
    private final Rotary rotary;
    private final Norms norms;
    private final NDArray scoreScale;
    private final int window;

    Block(int layer, ModelSpec spec, Weights weights, Rotary rotary, Norms norms) {
        this.layer = layer;
        this.config = spec.config();
        this.architecture = spec.architecture();
        this.weights = weights.layers.get(layer);
        this.window = spec.window();
        this.rotary = rotary;
        this.norms = norms;
        this.scoreScale = Torch.floats(weights.manager, new float[] {(float) (1 / Math.sqrt(config.dHead()))}, 1);
    }

    /**
     * Runs the block.
     *
     * @param input residual stream {@code [B, T, D]}
     * @param state receives what the backward pass needs, if not null
     * @return the residual stream after the block, or null if the pass is finished before its end
     */
    @Nullable NDArray forward(Pass pass, NDArray input, @Nullable KeyValueCache cache, @Nullable BlockState state) {
        NDArray residPre = pass.at(layer, "hook_resid_pre", input);
        if (pass.finished()) {
            return null;
        }
        BlockState s = state == null ? new BlockState() : state;
        s.residPre = residPre;
        NDArray attnOut = pass.at(layer, "hook_attn_out", attention(pass, residPre, cache, s));
        NDArray residMid = pass.at(layer, "hook_resid_mid", residPre.add(attnOut));
        s.residMid = residMid;
        if (pass.finished()) {
            return null;
        }
        NDArray mlpOut = pass.at(layer, "hook_mlp_out", mlp(pass, residMid, s));
        return pass.at(layer, "hook_resid_post", residMid.add(mlpOut));
    }

    // The order of multiplications below is that of the reference implementation: float32 results then agree closely
    // enough to compare, where a query scaled before the product differs by 4e-5 in some attention patterns.
    private NDArray attention(Pass pass, NDArray x, @Nullable KeyValueCache cache, BlockState s) {
        long b = x.getShape().get(0);
        long t = x.getShape().get(1);
        long h = config.dHead();
        long kv = config.nKeyValueHeads();
        long group = config.nHeads() / kv;
        NDArray scale = pass.at(layer, "ln1.hook_scale", norms.scale(x));
        s.scale1 = scale;
        NDArray normed = pass.at(layer, "ln1.hook_normalized", norms.normalized(x, scale))
                .mul(weights.ln1());
        NDArray q = pass.at(layer, "attn.hook_q", weights.q().apply(normed));
        NDArray k = pass.at(layer, "attn.hook_k", weights.k().apply(normed));
        NDArray v = pass.at(layer, "attn.hook_v", weights.v().apply(normed)).reshape(b, t, kv, h);
        q = q.reshape(b, t, kv * group, h);
        k = k.reshape(b, t, kv, h);
        if (weights.qNorm() != null) {
            s.rawQueries = q;
            s.scaleQueries = norms.scale(q);
            q = norms.normalized(q, s.scaleQueries).muli(weights.qNorm());
        }
        if (weights.kNorm() != null) {
            s.rawKeys = k;
            s.scaleKeys = norms.scale(k);
            k = norms.normalized(k, s.scaleKeys).muli(weights.kNorm());
        }
        q = pass.at(layer, "attn.hook_rot_q", rotary.rotate(q, pass.start));
        k = pass.at(layer, "attn.hook_rot_k", rotary.rotate(k, pass.start));
        if (cache != null) {
            k = cache.appendKeys(layer, k);
            v = cache.appendValues(layer, v);
        }
        long keys = k.getShape().get(1);
        s.queries = q.transpose(0, 2, 1, 3).reshape(b * kv, group * t, h);
        s.keys = k.transpose(0, 2, 1, 3).reshape(b * kv, keys, h);
        s.values = v.transpose(0, 2, 1, 3).reshape(b * kv, keys, h);
        NDArray scores = s.queries
                .batchMatMul(s.keys.transpose(0, 2, 1))
                .muli(scoreScale)
                .reshape(b, kv * group, t, keys);
        if (t > 1 || window > 0 && keys > window) {
            scores = scores.addi(pass.causalMask((int) keys, window));
        }
        s.pattern = pass.pattern(layer, scores.softmax(-1)).reshape(b * kv, group * t, keys);
        NDArray z = s.pattern
                .batchMatMul(s.values)
                .reshape(b, kv * group, t, h)
                .transpose(0, 2, 1, 3)
                .reshape(b, t, kv * group * h);
        return weights.o().apply(pass.at(layer, "attn.hook_z", z));
    }

    private NDArray mlp(Pass pass, NDArray x, BlockState s) {
        NDArray scale = pass.at(layer, "ln2.hook_scale", norms.scale(x));
        s.scale2 = scale;
        NDArray normed = pass.at(layer, "ln2.hook_normalized", norms.normalized(x, scale))
                .mul(weights.ln2());
        NDArray pre = pass.at(layer, "mlp.hook_pre", weights.gate().apply(normed));
        NDArray linear = pass.at(layer, "mlp.hook_pre_linear", weights.up().apply(normed));
        s.pre = pre;
        s.preLinear = linear;
        NDArray post = pass.at(
                layer, "mlp.hook_post", architecture.activation().apply(pre).muli(linear));
        return weights.down().apply(post);
    }
}
