package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.kernel.Attention;
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
    private final @Nullable Rotary rotary;
    private final NDArray scoreScale;
    private final float scale;
    private final int window;
    private final boolean kernels;
    private final FusedBlock fused;

    Block(int layer, ModelSpec spec, Weights weights, @Nullable Rotary rotary) {
        this.layer = layer;
        this.config = spec.config();
        this.architecture = spec.architecture();
        this.weights = weights.layers.get(layer);
        this.window = spec.layers().get(layer).window();
        this.rotary = rotary;
        this.kernels = !weights.device.tensors();
        this.fused = new FusedBlock(layer, spec, weights, rotary);
        this.scale = spec.layers().get(layer).scoreScale();
        this.scoreScale = Torch.floats(
                weights.manager, new float[] {spec.layers().get(layer).scoreScale()}, 1);
    }

    /**
     * Runs the block.
     *
     * @param input residual stream {@code [B, T, D]}
     * @param state receives what the backward pass needs, if not null
     * @return the residual stream after the block, or null if the pass is finished before its end
     */
    @Nullable NDArray forward(Pass pass, NDArray input, @Nullable KeysAndValues cache, @Nullable BlockState state) {
        NDArray residPre = pass.at(layer, "hook_resid_pre", input);
        if (pass.finished()) {
            return null;
        }
        if (state == null && kernels && fused.fits(pass, cache)) {
            NDArray post = fused.forward(pass, residPre, cache);
            return post == null ? null : pass.at(layer, "hook_resid_post", post);
        }
        BlockState s = state == null ? new BlockState(false) : state;
        NDArray attnOut = pass.at(layer, "hook_attn_out", attention(pass, residPre, cache, s));
        NDArray sum = residPre.add(attnOut);
        NDArray residMid = architecture.parallel() ? sum : pass.at(layer, "hook_resid_mid", sum);
        if (pass.finished()) {
            return null;
        }
        NDArray mlpIn = pass.at(layer, "hook_mlp_in", architecture.parallel() ? residPre : residMid);
        NDArray mlpOut = pass.at(layer, "hook_mlp_out", mlp(pass, mlpIn, s));
        return pass.at(layer, "hook_resid_post", residMid.add(mlpOut));
    }

    /** Whether a pass that goes back can {@link #record} this block. */
    boolean records(Pass pass) {
        return kernels && fused.fits(pass, null);
    }

    /** The same over memory, for {@link FusedBackward}; the state from {@link #newState} gets what that needs. */
    NDArray record(Pass pass, NDArray input, FusedState state) {
        NDArray post = fused.record(pass, pass.at(layer, "hook_resid_pre", input), state);
        pass.blockDone();
        return pass.at(layer, "hook_resid_post", post);
    }

    /** Memory for {@link #record}. */
    FusedState newState(Pass pass) {
        return fused.newState(pass);
    }

    // The order of multiplications below is that of the reference implementation: float32 results then agree closely
    // enough to compare, where a query scaled before the product differs by 4e-5 in some attention patterns.
    private NDArray attention(Pass pass, NDArray x, @Nullable KeysAndValues cache, BlockState s) {
        long b = x.getShape().get(0);
        long t = x.getShape().get(1);
        long h = config.dHead();
        long kv = config.nKeyValueHeads();
        long group = config.nHeads() / kv;
        NDArray normed = weights.ln1().forward(pass, layer, "ln1", x, s.ln1);
        NDArray q = pass.at(layer, "attn.hook_q", weights.q().apply(normed)).reshape(b, t, kv * group, h);
        NDArray k = pass.at(layer, "attn.hook_k", weights.k().apply(normed)).reshape(b, t, kv, h);
        NDArray v = pass.at(layer, "attn.hook_v", weights.v().apply(normed)).reshape(b, t, kv, h);
        if (weights.qNorm() != null) {
            q = weights.qNorm().forward(q, s.qNorm);
        }
        if (weights.kNorm() != null) {
            k = weights.kNorm().forward(k, s.kNorm);
        }
        if (rotary != null) {
            q = pass.at(layer, "attn.hook_rot_q", rotary.rotate(q, pass));
            k = pass.at(layer, "attn.hook_rot_k", rotary.rotate(k, pass));
        }
        boolean seen = !kernels || pass.taps(layer, Pass.SCORES) || pass.taps(layer, Pass.PATTERN);
        NDArray fused = seen ? null : fused(pass, q, k, v, cache);
        if (fused != null && !s.needed) {
            return output(pass, fused, s);
        }
        long keys = pass.keys();
        s.queries = byHead(q, t).reshape(b * kv, group * t, h);
        if (cache == null) {
            s.keys = byHead(k, t).reshape(b * kv, keys, h);
            s.values = byHead(v, t).reshape(b * kv, keys, h);
        } else {
            cache.append(layer, pass, k, v);
            s.keys = cache.keys(layer, pass);
            s.values = cache.values(layer, pass);
        }
        NDArray scores = scores(pass, s).reshape(b, kv * group, t, keys);
        if (pass.masked(window)) {
            scores = scores.addi(pass.causalMask(window));
        }
        scores = pass.byHead(layer, Pass.SCORES, scores);
        s.pattern = pass.byHead(layer, Pass.PATTERN, scores.softmax(-1)).reshape(b * kv, group * t, keys);
        if (fused != null) { // the pattern is for the way back only: a pass gives the same bits whether it goes back or
            // not
            return output(pass, fused, s);
        }
        NDArray z = s.pattern.batchMatMul(s.values).reshape(b, kv * group, t, h);
        return output(pass, byHead(z, t).reshape(b, t, kv * group * h), s);
    }

    /** Attention without scores and pattern as tensors: for passes where nobody looks at them. */
    private NDArray fused(Pass pass, NDArray q, NDArray k, NDArray v, @Nullable KeysAndValues cache) {
        NDArray keys = k;
        NDArray values = v;
        if (cache != null) {
            cache.append(layer, pass, k, v);
            keys = cache.keys(layer, pass);
            values = cache.values(layer, pass);
        }
        int[] starts = new int[pass.batch()];
        java.util.Arrays.setAll(starts, pass::start);
        Attention attention = new Attention(
                pass.positions,
                pass.keys(),
                config.nHeads(),
                config.nKeyValueHeads(),
                config.dHead(),
                window,
                scale,
                architecture.scoreCap());
        NDArray z = Torch.empty(q.getManager(), pass.batch(), pass.positions, (long) config.nHeads() * config.dHead());
        Torch.Values queries = Torch.values(q);
        Torch.Values[] owners = {queries, Torch.values(keys, true), Torch.values(values, true)};
        attention.run(queries.memory(), layout(owners[1], keys), layout(owners[2], values), starts, Torch.memory(z));
        java.lang.ref.Reference.reachabilityFence(owners);
        return z;
    }

    /** Where rows and heads of {@code [batch, keys, kv_head, d_head]} or {@code [batch * kv_head, keys, d_head]} begin. */
    private Attention.Layout layout(Torch.Values values, NDArray array) {
        long[] strides = values.strides();
        return array.getShape().dimension() == 4
                ? new Attention.Layout(values.memory(), strides[0], strides[2], strides[1])
                : new Attention.Layout(values.memory(), config.nKeyValueHeads() * strides[0], strides[0], strides[1]);
    }

    private NDArray output(Pass pass, NDArray z, BlockState s) {
        NDArray out = project(pass, pass.at(layer, "attn.hook_z", z));
        return weights.ln1Post() == null ? out : weights.ln1Post().forward(pass, layer, "ln1_post", out, s.ln1Post);
    }

    /** Exchanges heads and positions; a single position needs no copy for that. */
    private static NDArray byHead(NDArray x, long positions) {
        return positions == 1 ? x : x.transpose(0, 2, 1, 3);
    }

    private NDArray scores(Pass pass, BlockState s) {
        NDArray scores = BlockState.set(s.queries)
                .batchMatMul(BlockState.set(s.keys).transpose(0, 2, 1))
                .muli(scoreScale);
        if (architecture.scoreCap() == 0) {
            return scores;
        }
        s.capped = scores.divi(architecture.scoreCap()).tanh();
        return s.capped.mul(architecture.scoreCap());
    }

    /** The output projection, head by head where somebody looks at the heads' results. */
    private NDArray project(Pass pass, NDArray z) {
        if (!pass.taps(layer, "attn.hook_result")) {
            return weights.o().apply(z);
        }
        long b = z.getShape().get(0);
        long t = z.getShape().get(1);
        NDArray byHead = z.reshape(b * t, config.nHeads(), config.dHead()).transpose(1, 0, 2);
        NDArray results = byHead.batchMatMul(oByHead(z.getManager()))
                .transpose(1, 0, 2)
                .reshape(b, t, (long) config.nHeads() * config.dModel());
        NDArray sum = pass.at(layer, "attn.hook_result", results)
                .reshape(b, t, config.nHeads(), config.dModel())
                .sum(new int[] {2});
        NDArray bias = weights.o().biasTensor(z.getManager());
        return bias == null ? sum : sum.addi(bias);
    }

    /** The output projection's weight, {@code [head, d_head, d_model]}. */
    private NDArray oByHead(NDManager manager) {
        return weights.o().decoded(manager).transpose(1, 0).reshape(config.nHeads(), config.dHead(), config.dModel());
    }

    private NDArray mlp(Pass pass, NDArray x, BlockState s) {
        NDArray normed = weights.ln2().forward(pass, layer, "ln2", x, s.ln2);
        NDArray pre = pass.at(layer, "mlp.hook_pre", weights.mlpIn().apply(normed));
        s.pre = pre;
        if (weights.mlpLinear() != null) {
            s.preLinear =
                    pass.at(layer, "mlp.hook_pre_linear", weights.mlpLinear().apply(normed));
        }
        NDArray post = architecture.activation().apply(pre, s.preLinear);
        NDArray out = weights.mlpOut().apply(pass.at(layer, "mlp.hook_post", post));
        return weights.ln2Post() == null ? out : weights.ln2Post().forward(pass, layer, "ln2_post", out, s.ln2Post);
    }
}
