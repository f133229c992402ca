package dev.loupe.model;

import static dev.loupe.model.BlockState.set;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.loupe.tensor.Torch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The backward pass of one block, derived by hand: each method is one vector-Jacobian product, and a rule of relevance
 * patching is one branch in it. Shapes as in {@link BlockState}.
 */
final class BlockBackward {
    /** Hook points that gradients reach through the attention pattern alone. */
    static final List<String> BEHIND_PATTERN =
            List.of(Pass.PATTERN, Pass.SCORES, "attn.hook_rot_q", "attn.hook_rot_k", "attn.hook_q", "attn.hook_k");

    private final int layer;
    private final ModelConfig config;
    private final Architecture architecture;
    private final Weights.Layer weights;
    private final @Nullable Rotary rotary;
    private final NDArray scoreScale;
    private final NDArray halfConstant;

    BlockBackward(int layer, Core core) {
        this.layer = layer;
        this.config = core.spec.config();
        this.architecture = core.spec.architecture();
        this.weights = core.weights.layers.get(layer);
        this.rotary = core.rotary(layer);
        float scale = core.spec.layers().get(layer).scoreScale();
        this.scoreScale = Torch.floats(core.weights.manager, new float[] {scale}, 1);
        this.halfConstant = Torch.floats(core.weights.manager, new float[] {0.5f}, 1);
    }

    /**
     * Goes back through the block.
     *
     * @param s its forward pass
     * @param g gradient of the residual stream after it, {@code [B, T, D]}
     * @return gradient of the residual stream before it
     */
    NDArray backward(BlockState s, NDArray g, Rules rules, GradientSink sink) {
        NDArray post = sink.at(layer, "hook_resid_post", g);
        NDArray mlpOut = sink.at(layer, "hook_mlp_out", post);
        NDArray mid = post;
        if (!sink.stops(layer, "hook_mlp_out")) {
            mid = post.add(sink.at(layer, "hook_mlp_in", mlp(s, mlpOut, rules, sink)));
        }
        if (!architecture.parallel()) {
            mid = sink.at(layer, "hook_resid_mid", mid);
        }
        NDArray attnOut = sink.at(layer, "hook_attn_out", architecture.parallel() ? post : mid);
        NDArray pre = mid;
        if (!sink.stops(layer, "hook_attn_out")) {
            pre = mid.add(attention(s, attnOut, rules, sink));
        }
        return sink.at(layer, "hook_resid_pre", pre);
    }

    private NDArray mlp(BlockState s, NDArray g, Rules rules, GradientSink sink) {
        NDArray pre = set(s.pre);
        NDArray out = weights.ln2Post() == null
                ? g
                : weights.ln2Post().backward(g, s.ln2Post, rules, sink, layer, "ln2_post");
        NDArray post = sink.at(layer, "mlp.hook_post", weights.mlpOut().backward(out));
        Nonlinearity act = architecture.activation();
        NDArray slope = rules.identity()
                ? act.ratio(pre)
                : rules.softGate() > 0 ? softGate(pre, rules.softGate()) : act.derivative(pre);
        NDArray normed;
        if (weights.mlpLinear() == null) {
            NDArray gPre = sink.at(layer, "mlp.hook_pre", slope.muli(post));
            normed = weights.mlpIn().backward(gPre);
        } else { // post = act(pre) * linear; the Half-rule gives each factor half
            NDArray product = rules.half() ? post.mul(halfConstant) : post;
            NDArray gLinear =
                    sink.at(layer, "mlp.hook_pre_linear", act.apply(pre).muli(product));
            NDArray gPre = sink.at(layer, "mlp.hook_pre", slope.muli(product).muli(set(s.preLinear)));
            normed = weights.mlpIn().backward(gPre).addi(weights.mlpLinear().backward(gLinear));
        }
        return weights.ln2().backward(normed, s.ln2, rules, sink, layer, "ln2");
    }

    private NDArray attention(BlockState s, NDArray g, Rules rules, GradientSink sink) {
        long b = g.getShape().get(0);
        long t = g.getShape().get(1);
        long h = config.dHead();
        long kv = config.nKeyValueHeads();
        long heads = config.nHeads();
        NDArray out = weights.ln1Post() == null
                ? g
                : weights.ln1Post().backward(g, s.ln1Post, rules, sink, layer, "ln1_post");
        if (sink.wants(layer, "attn.hook_result")) { // the heads' results are summed
            sink.at(
                    layer,
                    "attn.hook_result",
                    out.expandDims(2).broadcast(b, t, heads, config.dModel()).reshape(b, t, heads * config.dModel()));
        }
        NDArray z = sink.at(layer, "attn.hook_z", weights.o().backward(out));
        NDArray zHeads = z.reshape(b, t, heads, h).transpose(0, 2, 1, 3).reshape(b * kv, heads / kv * t, h);
        NDArray pattern = set(s.pattern);
        // z = pattern v: a key-value head collects from all its query heads
        NDArray gv = sink.at(
                layer, "attn.hook_v", byPosition(pattern.transpose(0, 2, 1).batchMatMul(zHeads), b, t, kv));
        NDArray normed = weights.v().backward(gv);
        if (rules.attention() && BEHIND_PATTERN.stream().noneMatch(local -> sink.wants(layer, local))) {
            return weights.ln1().backward(normed, s.ln1, rules, sink, layer, "ln1");
        }
        NDArray gPattern = rules.attention()
                ? pattern.mul(0f)
                : zHeads.batchMatMul(set(s.values).transpose(0, 2, 1));
        NDArray square = sink.at(layer, Pass.PATTERN, gPattern.reshape(b, heads, t, t));
        if (rules.attention()) {
            silent(sink, b, t, g, square);
        } else {
            gPattern = square.reshape(b * kv, heads / kv * t, t);
            normed = normed.addi(queriesAndKeys(s, gPattern, b, t, rules, sink));
        }
        return weights.ln1().backward(normed, s.ln1, rules, sink, layer, "ln1");
    }

    /** What comes back through queries and keys to the norm's output, {@code [B, T, D]}. */
    private NDArray queriesAndKeys(BlockState s, NDArray gPattern, long b, long t, Rules rules, GradientSink sink) {
        long h = config.dHead();
        long kv = config.nKeyValueHeads();
        long heads = config.nHeads();
        NDArray pattern = set(s.pattern);
        // softmax: p (g - sum(g p)); then the cap's derivative and the scale of the scores
        NDArray weighted = gPattern.mul(pattern);
        NDArray scores = weighted.sub(pattern.mul(weighted.sum(new int[] {2}, true)));
        scores = sink.at(layer, Pass.SCORES, scores.reshape(b, heads, t, t)).reshape(b * kv, heads / kv * t, t);
        if (architecture.scoreCap() > 0) {
            scores = scores.mul(set(s.capped).square().muli(-1f).addi(1f));
        }
        scores = scores.mul(scoreScale);
        NDArray gq = byPosition(scores.batchMatMul(set(s.keys)), b, t, heads);
        NDArray gk = byPosition(scores.transpose(0, 2, 1).batchMatMul(set(s.queries)), b, t, kv);
        gq = gq.reshape(b, t, heads, h);
        gk = gk.reshape(b, t, kv, h);
        if (rotary != null) {
            gq = rotary.back(sink.at(layer, "attn.hook_rot_q", gq));
            gk = rotary.back(sink.at(layer, "attn.hook_rot_k", gk));
        }
        if (weights.qNorm() != null) {
            gq = weights.qNorm().backward(gq, s.qNorm, rules, null, layer, "");
        }
        if (weights.kNorm() != null) {
            gk = weights.kNorm().backward(gk, s.kNorm, rules, null, layer, "");
        }
        gq = sink.at(layer, "attn.hook_q", gq.reshape(b, t, heads * h));
        gk = sink.at(layer, "attn.hook_k", gk.reshape(b, t, kv * h));
        return weights.q().backward(gq).addi(weights.k().backward(gk));
    }

    private static NDArray softGate(NDArray x, double temperature) {
        return x.mul((float) (1 / temperature)).getNDArrayInternal().sigmoid();
    }

    /** {@code [B V, G T, h]} to {@code [B, T, V G h]}, for the given number of heads (V G). */
    private NDArray byPosition(NDArray x, long b, long t, long heads) {
        return x.reshape(b, heads, t, config.dHead()).transpose(0, 2, 1, 3).reshape(b, t, heads * config.dHead());
    }

    /** AH-rule: nothing flows into scores, queries and keys. */
    private void silent(GradientSink sink, long b, long t, NDArray like, NDArray scores) {
        NDArray q = like.getManager().zeros(new Shape(b, t, (long) config.nHeads() * config.dHead()));
        NDArray k = like.getManager().zeros(new Shape(b, t, (long) config.nKeyValueHeads() * config.dHead()));
        sink.at(layer, Pass.SCORES, scores);
        sink.at(layer, "attn.hook_rot_q", q);
        sink.at(layer, "attn.hook_rot_k", k);
        sink.at(layer, "attn.hook_q", q);
        sink.at(layer, "attn.hook_k", k);
    }
}
