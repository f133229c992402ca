package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import dev.loupe.kernel.NormGradient;
import dev.loupe.kernel.Passes;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * One norm and its gradient. With {@code c = x} (RMSNorm, arXiv 1910.07467) or {@code c = x - mean(x)} (LayerNorm, arXiv
 * 1607.06450) and {@code s = sqrt(mean(c^2) + eps)}: {@code c / s * w}, for LayerNorm {@code + b}.
 *
 * <p>Its hook points are {@code hook_scale}, which is s, and {@code hook_normalized}: before the gain for RMSNorm, after
 * gain and bias for LayerNorm.
 */
final class Norm {
    private static final int[] LAST = {-1};

    private final boolean layerNorm;
    private final NDArray gain;
    private final @Nullable NDArray bias;
    private final NDArray eps;
    private final float epsilon;
    private final NDArray one;

    /**
     * Creates a norm.
     *
     * @param gain {@code [width]}; for {@link NormKind#RMS_LESS_ONE} the 1 is in it already
     * @param bias {@code [width]}, of LayerNorm only
     * @param eps {@code [1]}
     * @param one {@code [1]}
     */
    Norm(NormKind kind, NDArray gain, @Nullable NDArray bias, NDArray eps, NDArray one) {
        this.layerNorm = kind == NormKind.LAYER;
        this.gain = gain;
        this.bias = bias;
        this.eps = eps;
        this.epsilon = Torch.toArray(eps)[0];
        this.one = one;
    }

    /** What the gradient needs of a forward pass. */
    static final class State {
        private final boolean needed;

        State() {
            this(true);
        }

        /**
         * Creates a state.
         *
         * @param needed false if there will be no gradient: then nothing is kept
         */
        State(boolean needed) {
            this.needed = needed;
        }

        @Nullable NDArray centred;

        @Nullable NDArray scale;
    }

    /** The gain {@code [width]}. */
    NDArray gain() {
        return gain;
    }

    /** Whether the mean is subtracted. */
    boolean centres() {
        return layerNorm;
    }

    /** Normalises the last dimension, with the hook points {@code NAME.hook_scale} and {@code NAME.hook_normalized}. */
    NDArray forward(Pass pass, int layer, String name, NDArray x, State state) {
        if (!pass.taps(layer, name + ".hook_scale") && !pass.taps(layer, name + ".hook_normalized")) {
            return forward(x, state);
        }
        NDArray centred = centred(x);
        NDArray scale = pass.at(layer, name + ".hook_scale", scale(centred));
        state.centred = centred;
        state.scale = scale;
        String hook = name + ".hook_normalized";
        NDArray normalized = centred.mul(one.div(scale)); // rounded as the reference implementation rounds it
        return layerNorm ? pass.at(layer, hook, affine(normalized)) : affine(pass.at(layer, hook, normalized));
    }

    /** The same without hook points: one sweep over memory, whose bits do not depend on whether a gradient follows. */
    NDArray forward(NDArray x, State state) {
        if (state.needed) {
            state.centred = centred(x);
            state.scale = scale(state.centred);
        }
        return sweep(x);
    }

    private NDArray sweep(NDArray x) {
        if (!Torch.inReach(x)) {
            NDArray centred = centred(x);
            return affine(centred.mul(one.div(scale(centred))));
        }
        Torch.Values values = Torch.values(x);
        NDArray y = Torch.empty(x.getManager(), x.getShape().getShape());
        run(values.memory(), Math.toIntExact(x.size() / gain.size()), Torch.memory(y));
        Reference.reachabilityFence(values);
        return y;
    }

    /** The same over memory; y may be x. */
    void run(MemorySegment x, int rows, MemorySegment y) {
        MemorySegment b = bias == null ? null : Torch.memory(bias);
        Passes.norm(x, rows, Torch.memory(gain), b, epsilon, layerNorm, y);
    }

    /** The gradient of x from that of the result, over memory; out may be g. */
    void back(MemorySegment g, MemorySegment x, int rows, Rules rules, MemorySegment out) {
        NormGradient.run(g, x, rows, Torch.memory(gain), epsilon, layerNorm, rules.layerNorm(), out);
    }

    private NDArray centred(NDArray x) {
        return layerNorm ? x.sub(x.mean(LAST, true)) : x;
    }

    private NDArray scale(NDArray centred) {
        return centred.square().mean(LAST, true).addi(eps).sqrt();
    }

    private NDArray affine(NDArray normalized) {
        NDArray y = normalized.mul(gain);
        return bias == null ? y : y.addi(bias);
    }

    /**
     * The gradient of x from that of the result. The LN-rule takes s for a constant.
     *
     * @param sink receives the gradient of {@code NAME.hook_normalized}; null for norms without hook points
     */
    NDArray backward(NDArray g, State state, Rules rules, @Nullable GradientSink sink, int layer, String name) {
        NDArray scaled;
        if (sink == null) {
            scaled = g.mul(gain);
        } else if (layerNorm) { // LayerNorm's hook point lies after the gain, RMSNorm's before it
            scaled = sink.at(layer, name + ".hook_normalized", g).mul(gain);
        } else {
            scaled = sink.at(layer, name + ".hook_normalized", g.mul(gain));
        }
        NDArray inverse = one.div(BlockState.set(state.scale));
        NDArray result;
        if (rules.layerNorm()) {
            result = scaled.mul(inverse);
        } else {
            NDArray y = BlockState.set(state.centred).mul(inverse);
            result = scaled.sub(y.mul(scaled.mul(y).mean(LAST, true))).muli(inverse);
        }
        return layerNorm ? result.sub(result.mean(LAST, true)) : result;
    }
}
