package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import dev.loupe.kernel.Attention;
import dev.loupe.kernel.Passes;
import dev.loupe.kernel.StoredProduct;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of one block over memory of the pass, for blocks in which nobody looks at norms, scores or patterns: the
 * kernels of {@link Block} in the same order, and therefore the same bits, without a tensor for every step between. Where
 * single tokens are written, tensors cost as much time as the products.
 */
final class FusedBlock {
    /** Hook points whose values do not exist here. */
    static final List<String> INVISIBLE = List.of(
            "ln1.hook_scale",
            "ln1.hook_normalized",
            "ln1_post.hook_scale",
            "ln1_post.hook_normalized",
            "ln2.hook_scale",
            "ln2.hook_normalized",
            "ln2_post.hook_scale",
            "ln2_post.hook_normalized",
            "attn.hook_result",
            Pass.SCORES,
            Pass.PATTERN);

    private final int layer;
    private final ModelConfig config;
    private final Architecture architecture;
    private final Weights.Layer weights;
    private final @Nullable Rotary rotary;
    private final LayerSpec own;

    FusedBlock(int layer, ModelSpec spec, Weights weights, @Nullable Rotary rotary) {
        this.layer = layer;
        this.config = spec.config();
        this.architecture = spec.architecture();
        this.weights = weights.layers.get(layer);
        this.rotary = rotary;
        this.own = spec.layers().get(layer);
    }

    /** Whether a pass can go this way. */
    boolean fits(Pass pass, @Nullable KeysAndValues cache) {
        return (cache == null || cache instanceof KeyValueCache)
                && (!pass.tapsIn(layer) || INVISIBLE.stream().noneMatch(local -> pass.taps(layer, local)));
    }

    /**
     * Runs the block.
     *
     * @param input residual stream {@code [B, T, D]} after {@code hook_resid_pre}; stays as it is
     * @return the residual stream before {@code hook_resid_post}, or null if the pass is finished before its end
     */
    @Nullable NDArray forward(Pass pass, NDArray input, @Nullable KeysAndValues cache) {
        NDArray post = run(pass, input, cache, null);
        pass.blockDone();
        return post;
    }

    /** The same to the end, for a pass that goes back through this block and changes nothing in it. */
    NDArray record(Pass pass, NDArray input, FusedState state) {
        return BlockState.set(run(pass, input, null, state));
    }

    /** Memory for what {@link #record} keeps. */
    FusedState newState(Pass pass) {
        int[] widths = new int[PassMemory.USES];
        int queries = config.nHeads() * config.dHead();
        int keys = config.nKeyValueHeads() * config.dHead();
        widths[PassMemory.Q] = queries;
        widths[PassMemory.K] = keys;
        widths[PassMemory.V] = keys;
        widths[PassMemory.Q_RAW] = weights.qNorm() == null ? 0 : queries;
        widths[PassMemory.K_RAW] = weights.kNorm() == null ? 0 : keys;
        widths[PassMemory.ATTN_RAW] = weights.ln1Post() == null ? 0 : config.dModel();
        widths[PassMemory.MLP_RAW] = weights.ln2Post() == null ? 0 : config.dModel();
        widths[PassMemory.MID] = architecture.parallel() ? 0 : config.dModel();
        widths[PassMemory.PRE] = config.dMlp();
        widths[PassMemory.LINEAR] = weights.mlpLinear() == null ? 0 : config.dMlp();
        return new FusedState(pass, widths);
    }

    private @Nullable NDArray run(Pass pass, NDArray input, @Nullable KeysAndValues cache, @Nullable FusedState state) {
        Torch.Values values = Torch.values(input);
        MemorySegment x = values.memory();
        MemorySegment attnOut = attention(pass, x, (KeyValueCache) cache, state);
        if (attnOut == null) {
            return null;
        }
        MemorySegment mid = memory(pass, state, PassMemory.MID, config.dModel());
        Passes.add(x, attnOut, mid);
        MemorySegment seen = architecture.parallel() ? mid : at(pass, "hook_resid_mid", mid);
        if (pass.finished()) {
            return null;
        }
        NDArray post = Torch.empty(pass.manager, pass.batch(), pass.positions, config.dModel());
        MemorySegment mlpOut = mlp(pass, at(pass, "hook_mlp_in", architecture.parallel() ? x : seen), state);
        if (mlpOut == null) {
            post.close();
            return null;
        }
        Passes.add(seen, mlpOut, Torch.memory(post));
        Reference.reachabilityFence(values);
        return post;
    }

    /** Where a value goes: into the state if that keeps it, else into memory of the pass. */
    private static MemorySegment memory(Pass pass, @Nullable FusedState state, int use, int width) {
        return state != null && state.keeps(use) ? state.get(use) : pass.memory(use, width);
    }

    private @Nullable MemorySegment attention(
            Pass pass, MemorySegment x, @Nullable KeyValueCache cache, @Nullable FusedState state) {
        int rows = pass.rows();
        int heads = config.nHeads();
        int kv = config.nKeyValueHeads();
        int h = config.dHead();
        MemorySegment normed = pass.memory(PassMemory.NORMED, config.dModel());
        weights.ln1().run(x, rows, normed);
        MemorySegment q = memory(pass, state, PassMemory.Q, heads * h);
        MemorySegment k = memory(pass, state, PassMemory.K, kv * h);
        MemorySegment v = memory(pass, state, PassMemory.V, kv * h);
        MemorySegment rawQ = raw(state, PassMemory.Q_RAW, q);
        MemorySegment rawK = raw(state, PassMemory.K_RAW, k);
        StoredProduct.multiply(
                normed,
                rows,
                weights.q().part(rawQ),
                weights.k().part(rawK),
                weights.v().part(v));
        boolean apart = state != null && state.keeps(PassMemory.Q_RAW);
        q = turned(pass, weights.qNorm(), heads, at(pass, "attn.hook_q", rawQ), apart ? q : null);
        apart = state != null && state.keeps(PassMemory.K_RAW);
        k = turned(pass, weights.kNorm(), kv, at(pass, "attn.hook_k", rawK), apart ? k : null);
        v = at(pass, "attn.hook_v", v);
        if (rotary != null) {
            q = at(pass, "attn.hook_rot_q", q);
            k = at(pass, "attn.hook_rot_k", k);
        }
        if (cache == null && pass.finished()) {
            return null;
        }
        MemorySegment z = at(pass, "attn.hook_z", attend(pass, q, k, v, cache));
        if (cache == null && pass.finished()) {
            return null;
        }
        MemorySegment out = pass.memory(PassMemory.OUT, config.dModel());
        MemorySegment raw = raw(state, PassMemory.ATTN_RAW, out);
        StoredProduct.multiply(z, rows, weights.o().part(raw));
        if (weights.ln1Post() != null) {
            weights.ln1Post().run(raw, rows, out);
        }
        return at(pass, "hook_attn_out", out);
    }

    /** Where values lie before a norm: with the norm's results, unless the state keeps them. */
    private static MemorySegment raw(@Nullable FusedState state, int use, MemorySegment result) {
        return state != null && state.keeps(use) ? state.get(use) : result;
    }

    /** Queries or keys, normed by head and rotated: in place, or from one memory to another. */
    private MemorySegment turned(
            Pass pass, @Nullable Norm norm, int heads, MemorySegment x, @Nullable MemorySegment other) {
        MemorySegment result = other == null ? x : other;
        if (norm != null) {
            norm.run(x, pass.rows() * heads, result);
        }
        if (rotary != null) {
            rotary.rotate(result, pass, heads, config.dHead());
        }
        return result;
    }

    private MemorySegment attend(
            Pass pass, MemorySegment q, MemorySegment k, MemorySegment v, @Nullable KeyValueCache cache) {
        int[] starts = new int[pass.batch()];
        Arrays.setAll(starts, pass::start);
        int kv = config.nKeyValueHeads();
        int h = config.dHead();
        Attention attention = new Attention(
                pass.positions,
                pass.keys(),
                config.nHeads(),
                kv,
                h,
                own.window(),
                own.scoreScale(),
                architecture.scoreCap());
        MemorySegment z = pass.memory(PassMemory.Z, config.nHeads() * h);
        if (cache == null) {
            long row = (long) pass.positions * kv * h;
            Attention.Layout keys = new Attention.Layout(k, row, h, (long) kv * h);
            attention.run(q, keys, new Attention.Layout(v, row, h, (long) kv * h), starts, z);
        } else {
            cache.append(layer, pass, k, v);
            attention.run(q, cache.keysAt(layer), cache.valuesAt(layer), starts, z);
        }
        return z;
    }

    private @Nullable MemorySegment mlp(Pass pass, MemorySegment x, @Nullable FusedState state) {
        int rows = pass.rows();
        MemorySegment normed = pass.memory(PassMemory.NORMED, config.dModel());
        weights.ln2().run(x, rows, normed);
        MemorySegment pre = memory(pass, state, PassMemory.PRE, config.dMlp());
        MemorySegment linear = null;
        if (weights.mlpLinear() == null) {
            StoredProduct.multiply(normed, rows, weights.mlpIn().part(pre));
        } else {
            linear = memory(pass, state, PassMemory.LINEAR, config.dMlp());
            StoredProduct.multiply(
                    normed, rows, weights.mlpIn().part(pre), weights.mlpLinear().part(linear));
            linear = at(pass, "mlp.hook_pre_linear", linear);
        }
        MemorySegment seen = at(pass, "mlp.hook_pre", pre);
        if (pass.finished()) {
            return null;
        }
        MemorySegment activated = state == null ? pre : pass.memory(PassMemory.POST, config.dMlp());
        architecture.activation().kernel().apply(seen, linear, activated);
        MemorySegment post = at(pass, "mlp.hook_post", activated);
        if (pass.finished()) {
            return null;
        }
        MemorySegment out = pass.memory(PassMemory.OUT, config.dModel());
        MemorySegment raw = raw(state, PassMemory.MLP_RAW, out);
        StoredProduct.multiply(post, rows, weights.mlpOut().part(raw));
        if (weights.ln2Post() != null) {
            weights.ln2Post().run(raw, rows, out);
        }
        return at(pass, "hook_mlp_out", out);
    }

    /** What downstream sees at a hook point: the same memory unless somebody changes it. */
    private MemorySegment at(Pass pass, String local, MemorySegment value) {
        return pass.at(layer, local, value);
    }
}
