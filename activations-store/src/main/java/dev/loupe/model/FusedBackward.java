package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import dev.loupe.kernel.AttentionGradient;
import dev.loupe.kernel.Passes;
import dev.loupe.kernel.Slopes;
import dev.loupe.kernel.TransposedProduct;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@link BlockBackward} over memory of the pass, for blocks in which nobody changes values and nobody asks for gradients of
 * norms, scores or patterns: the same vector-Jacobian products without a tensor for every step between. At the length of
 * a prompt, tensors cost several times what the products do.
 */
final class FusedBackward {
    private final int layer;
    private final ModelConfig config;
    private final Architecture architecture;
    private final Weights.Layer weights;
    private final @Nullable Rotary rotary;
    private final LayerSpec own;

    FusedBackward(int layer, Core core) {
        this.layer = layer;
        this.config = core.spec.config();
        this.architecture = core.spec.architecture();
        this.weights = core.weights.layers.get(layer);
        this.rotary = core.rotary(layer);
        this.own = core.spec.layers().get(layer);
    }

    /** Whether a plan can go this way through the block. */
    boolean fits(Pass pass, Rules rules, GradientSink sink) {
        List<String> behind = rules.attention() ? BlockBackward.BEHIND_PATTERN : List.of();
        return !pass.editsIn(layer)
                && FusedBlock.INVISIBLE.stream().noneMatch(local -> sink.wants(layer, local))
                && behind.stream().noneMatch(local -> sink.wants(layer, local));
    }

    /**
     * Goes back through the block.
     *
     * @param input the residual stream before it, {@code [B, T, D]}
     * @param s what its forward pass kept
     * @param g gradient of the residual stream after it, {@code [B, T, D]}
     * @return gradient of the residual stream before it
     */
    NDArray backward(Pass pass, NDArray input, FusedState s, NDArray g, Rules rules, GradientSink sink) {
        Back back = new Back(pass, s, rules, sink);
        Torch.Values inputs = Torch.values(input);
        Torch.Values gradients = Torch.values(g);
        NDArray before = back.through(inputs.memory(), gradients.memory());
        Reference.reachabilityFence(inputs);
        Reference.reachabilityFence(gradients);
        return sink.at(layer, "hook_resid_pre", before);
    }

    /** One pass through this block. */
    private final class Back {
        private final Pass pass;
        private final FusedState s;
        private final Rules rules;
        private final GradientSink sink;
        private final int rows;

        private Back(Pass pass, FusedState s, Rules rules, GradientSink sink) {
            this.pass = pass;
            this.s = s;
            this.rules = rules;
            this.sink = sink;
            this.rows = pass.rows();
        }

        private NDArray through(MemorySegment x, MemorySegment g) {
            int width = config.dModel();
            MemorySegment post = at("hook_resid_post", g);
            MemorySegment mlpOut = at("hook_mlp_out", post);
            MemorySegment mid = post;
            if (!sink.stops(layer, "hook_mlp_out")) {
                MemorySegment read = architecture.parallel() ? x : s.get(PassMemory.MID);
                MemorySegment mlpIn = at("hook_mlp_in", mlp(read, mlpOut));
                mid = pass.memory(PassMemory.G_MID, width);
                Passes.add(post, mlpIn, mid);
            }
            if (!architecture.parallel()) {
                mid = at("hook_resid_mid", mid);
            }
            MemorySegment attnOut = at("hook_attn_out", architecture.parallel() ? post : mid);
            NDArray before = Torch.empty(pass.manager, pass.batch(), pass.positions, width);
            if (sink.stops(layer, "hook_attn_out")) {
                Torch.memory(before).copyFrom(mid);
            } else {
                Passes.add(mid, attention(x, attnOut), Torch.memory(before));
            }
            return before;
        }

        private MemorySegment mlp(MemorySegment read, MemorySegment g) {
            MemorySegment out = g;
            if (weights.ln2Post() != null) {
                out = pass.memory(PassMemory.G_OUT, config.dModel());
                weights.ln2Post().back(g, s.get(PassMemory.MLP_RAW), rows, rules, out);
            }
            MemorySegment own = pass.memory(PassMemory.G_POST, config.dMlp());
            TransposedProduct.run(rows, own, weights.mlpOut().term(out));
            MemorySegment post = at("mlp.hook_post", own);
            MemorySegment pre = s.get(PassMemory.PRE);
            MemorySegment normed = pass.memory(PassMemory.G_NORMED, config.dModel());
            if (weights.mlpLinear() == null) {
                slope(pre, post, null, 1, own);
                TransposedProduct.run(rows, normed, weights.mlpIn().term(at("mlp.hook_pre", own)));
            } else { // post = act(pre) * linear; the Half-rule gives each factor half
                float share = rules.half() ? 0.5f : 1;
                MemorySegment linear = pass.memory(PassMemory.G_LINEAR, config.dMlp());
                Slopes.RATIO.apply(architecture.activation().kernel(), 1, pre, post, pre, share, linear);
                MemorySegment seen = at("mlp.hook_pre_linear", linear);
                slope(pre, post, s.get(PassMemory.LINEAR), share, own);
                TransposedProduct.run(
                        rows,
                        normed,
                        weights.mlpIn().term(at("mlp.hook_pre", own)),
                        weights.mlpLinear().term(seen));
            }
            weights.ln2().back(normed, read, rows, rules, normed);
            return normed;
        }

        private void slope(
                MemorySegment pre, MemorySegment g, @Nullable MemorySegment factor, float scale, MemorySegment out) {
            Slopes which =
                    rules.identity() ? Slopes.RATIO : rules.softGate() > 0 ? Slopes.SOFT_GATE : Slopes.DERIVATIVE;
            float temperature = which == Slopes.SOFT_GATE ? (float) rules.softGate() : 1;
            which.apply(architecture.activation().kernel(), temperature, pre, g, factor, scale, out);
        }

        private MemorySegment attention(MemorySegment x, MemorySegment g) {
            int heads = config.nHeads();
            int kv = config.nKeyValueHeads();
            int h = config.dHead();
            MemorySegment out = g;
            if (weights.ln1Post() != null) {
                out = pass.memory(PassMemory.G_OUT, config.dModel());
                weights.ln1Post().back(g, s.get(PassMemory.ATTN_RAW), rows, rules, out);
            }
            MemorySegment z = pass.memory(PassMemory.G_Z, heads * h);
            TransposedProduct.run(rows, z, weights.o().term(out));
            z = at("attn.hook_z", z);
            MemorySegment q = pass.memory(PassMemory.G_Q, heads * h);
            MemorySegment k = pass.memory(PassMemory.G_K, kv * h);
            MemorySegment v = pass.memory(PassMemory.G_V, kv * h);
            new AttentionGradient(pass.positions, heads, kv, h, own.window(), own.scoreScale(), architecture.scoreCap())
                    .run(
                            pass.batch(),
                            s.get(PassMemory.Q),
                            s.get(PassMemory.K),
                            s.get(PassMemory.V),
                            z,
                            rules.attention(),
                            q,
                            k,
                            v);
            v = at("attn.hook_v", v);
            MemorySegment normed = pass.memory(PassMemory.G_NORMED, config.dModel());
            if (rules.attention()) {
                TransposedProduct.run(rows, normed, weights.v().term(v));
            } else {
                q = before("q", weights.qNorm(), PassMemory.Q_RAW, heads, q);
                k = before("k", weights.kNorm(), PassMemory.K_RAW, kv, k);
                TransposedProduct.run(
                        rows,
                        normed,
                        weights.q().term(q),
                        weights.k().term(k),
                        weights.v().term(v));
            }
            weights.ln1().back(normed, x, rows, rules, normed);
            return normed;
        }

        /** From queries or keys as they are scored to those before rotation and norm. */
        private MemorySegment before(String name, @Nullable Norm norm, int raw, int heads, MemorySegment scored) {
            MemorySegment g = scored;
            if (rotary != null) {
                g = at("attn.hook_rot_" + name, g);
                rotary.back(g, pass, heads, config.dHead());
            }
            if (norm != null) {
                norm.back(g, s.get(raw), rows * heads, rules, g);
            }
            return at("attn.hook_" + name, g);
        }

        /** What flows on from a hook point: the same memory unless somebody changes it. */
        private MemorySegment at(String local, MemorySegment gradient) {
            return sink.at(layer, local, gradient);
        }
    }
}
