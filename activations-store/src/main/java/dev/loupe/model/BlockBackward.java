package dev.loupe.model;

import static dev.loupe.model.BlockState.set;

import ai.djl.ndarray.NDArray;
import dev.loupe.tensor.Torch;

/**
 * The backward pass of one block, derived by hand: each method is one vector-Jacobian product, and a rule of relevance
 * patching is one branch in it. Shapes as in {@link BlockState}.
 */
final class BlockBackward {
    private final int layer;
    private final ModelConfig config;
    private final Architecture architecture;
    private final Weights.Layer weights;
    private final Rotary rotary;
    private final Norms norms;
    private final NDArray scoreScale;
    private final NDArray halfConstant;

    BlockBackward(int layer, Core core) {
        this.layer = layer;
        this.config = core.spec.config();
        this.architecture = core.spec.architecture();
        this.weights = core.weights.layers.get(layer);
        this.rotary = core.rotary;
        this.norms = core.norms;
        this.scoreScale = Torch.floats(core.weights.manager, new float[] {(float) (1 / Math.sqrt(config.dHead()))}, 1);
        this.halfConstant = Torch.floats(core.weights.manager, new float[] {0.5f}, 1);
    }

    /** Where gradients of hook points go. */
    interface Sink {
        /** Keeps the gradient of a hook point of this layer, if it is wanted. */
        void keep(int layer, String local, NDArray gradient);
    }

    /**
     * Goes back through the block.
     *
     * @param s its forward pass
     * @param g gradient of the residual stream after it, {@code [B, T, D]}
     * @return gradient of the residual stream before it
     */
    NDArray backward(BlockState s, NDArray g, Rules rules, Sink sink) {
        sink.keep(layer, "hook_resid_post", g);
        sink.keep(layer, "hook_mlp_out", g);
        NDArray mid = g.add(mlp(s, g, rules, sink));
        sink.keep(layer, "hook_resid_mid", mid);
        sink.keep(layer, "hook_attn_out", mid);
        NDArray pre = mid.add(attention(s, mid, rules, sink));
        sink.keep(layer, "hook_resid_pre", pre);
        return pre;
    }

    private NDArray mlp(BlockState s, NDArray g, Rules rules, Sink sink) {
        NDArray pre = set(s.pre);
        NDArray linear = set(s.preLinear);
        NDArray post = weights.down().backward(g);
        sink.keep(layer, "mlp.hook_post", post);
        // post = act(pre) * linear; the Half-rule gives each factor half
        NDArray product = rules.half() ? post.mul(halfConstant) : post;
        Nonlinearity act = architecture.activation();
        NDArray gLinear = act.apply(pre).muli(product);
        sink.keep(layer, "mlp.hook_pre_linear", gLinear);
        NDArray gPre = (rules.identity() ? act.ratio(pre) : act.derivative(pre))
                .muli(product)
                .muli(linear);
        sink.keep(layer, "mlp.hook_pre", gPre);
        NDArray normed = weights.gate()
                .backward(gPre)
                .addi(weights.up().backward(gLinear))
                .muli(weights.ln2());
        sink.keep(layer, "ln2.hook_normalized", normed);
        return norms.backward(normed, set(s.residMid), set(s.scale2), rules);
    }

    private NDArray attention(BlockState s, NDArray g, Rules rules, Sink sink) {
        long b = g.getShape().get(0);
        long t = g.getShape().get(1);
        long h = config.dHead();
        long kv = config.nKeyValueHeads();
        long heads = config.nHeads();
        NDArray z = weights.o().backward(g);
        sink.keep(layer, "attn.hook_z", z);
        NDArray zHeads = z.reshape(b, t, heads, h).transpose(0, 2, 1, 3).reshape(b * kv, heads / kv * t, h);
        NDArray pattern = set(s.pattern);
        // z = pattern v: a key-value head collects from all its query heads
        NDArray gv = byPosition(pattern.transpose(0, 2, 1).batchMatMul(zHeads), b, t, kv);
        sink.keep(layer, "attn.hook_v", gv);
        NDArray normed = weights.v().backward(gv);
        NDArray gPattern = rules.attention()
                ? pattern.mul(0f)
                : zHeads.batchMatMul(set(s.values).transpose(0, 2, 1));
        sink.keep(layer, "attn.hook_pattern", gPattern.reshape(b, heads, t, t));
        if (rules.attention()) {
            silent(sink, b, t, g);
        } else {
            // softmax: p (g - sum(g p)), then the scale of the scores
            NDArray weighted = gPattern.mul(pattern);
            NDArray scores =
                    weighted.sub(pattern.mul(weighted.sum(new int[] {2}, true))).muli(scoreScale);
            NDArray gq = byPosition(scores.batchMatMul(set(s.keys)), b, t, heads);
            NDArray gk = byPosition(scores.transpose(0, 2, 1).batchMatMul(set(s.queries)), b, t, kv);
            sink.keep(layer, "attn.hook_rot_q", gq);
            sink.keep(layer, "attn.hook_rot_k", gk);
            gq = rotary.back(gq.reshape(b, t, heads, h), 0);
            gk = rotary.back(gk.reshape(b, t, kv, h), 0);
            if (weights.qNorm() != null) {
                gq = norms.backward(gq.mul(weights.qNorm()), set(s.rawQueries), set(s.scaleQueries), rules);
            }
            if (weights.kNorm() != null) {
                gk = norms.backward(gk.mul(weights.kNorm()), set(s.rawKeys), set(s.scaleKeys), rules);
            }
            gq = gq.reshape(b, t, heads * h);
            gk = gk.reshape(b, t, kv * h);
            sink.keep(layer, "attn.hook_q", gq);
            sink.keep(layer, "attn.hook_k", gk);
            normed = normed.addi(weights.q().backward(gq)).addi(weights.k().backward(gk));
        }
        normed = normed.muli(weights.ln1());
        sink.keep(layer, "ln1.hook_normalized", normed);
        return norms.backward(normed, set(s.residPre), set(s.scale1), rules);
    }

    /** {@code [B V, G T, h]} to {@code [B, T, V G h]}, for the given number of heads (V G). */
    private NDArray byPosition(NDArray x, long b, long t, long heads) {
        return x.reshape(b, heads, t, config.dHead()).transpose(0, 2, 1, 3).reshape(b, t, heads * config.dHead());
    }

    /** AH-rule: nothing flows into queries and keys. */
    private void silent(Sink sink, long b, long t, NDArray like) {
        NDArray q =
                like.getManager().zeros(new ai.djl.ndarray.types.Shape(b, t, (long) config.nHeads() * config.dHead()));
        NDArray k = like.getManager()
                .zeros(new ai.djl.ndarray.types.Shape(b, t, (long) config.nKeyValueHeads() * config.dHead()));
        sink.keep(layer, "attn.hook_rot_q", q);
        sink.keep(layer, "attn.hook_rot_k", k);
        sink.keep(layer, "attn.hook_q", q);
        sink.keep(layer, "attn.hook_k", k);
    }
}
