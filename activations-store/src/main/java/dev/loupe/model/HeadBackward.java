package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * From the last residual stream to the last logits and back to its gradient. Only the last position of each row matters
 * there, so where nobody looks at the last norm only those positions are normed.
 */
final class HeadBackward {
    private static final String NORMALIZED = "ln_final.hook_normalized";

    private final Core core;
    private final Pass pass;
    private final NDArray resid;
    private final Norm.@Nullable State tapped;
    private final float[][] logits;

    private HeadBackward(Core core, Pass pass, NDArray resid, Norm.@Nullable State tapped, float[][] logits) {
        this.core = core;
        this.pass = pass;
        this.resid = resid;
        this.tapped = tapped;
        this.logits = logits;
    }

    /**
     * Goes forward.
     *
     * @param resid the last residual stream {@code [batch, pos, d_model]}; to be kept open
     */
    static HeadBackward forward(Core core, Pass pass, NDArray resid) {
        boolean seen = pass.taps(Integer.MAX_VALUE, "ln_final.hook_scale") || pass.taps(Integer.MAX_VALUE, NORMALIZED);
        if (!seen) {
            NDArray last = core.weights.finalNorm.forward(Head.lastPositions(pass, resid), new Norm.State(false));
            return new HeadBackward(core, pass, resid, null, core.head.rows(pass, last));
        }
        Norm.State state = new Norm.State();
        float[][] logits = core.head.last(pass, core.head.normed(pass, resid, state));
        NDScope.unregister(BlockState.set(state.centred), BlockState.set(state.scale));
        return new HeadBackward(core, pass, resid, state, logits);
    }

    /** The last logits, row by row. */
    float[][] logits() {
        return logits;
    }

    /**
     * Goes back.
     *
     * @param seeds the metric's gradient by logit, {@code [batch][d_vocab]}
     * @return gradient of the last residual stream
     */
    NDArray backward(float[][] seeds, Rules rules, GradientSink sink) {
        NDManager manager = pass.manager;
        NDArray normed = core.head.backward(manager, logits, seeds);
        Norm norm = core.weights.finalNorm;
        if (tapped != null || !Torch.inReach(resid) || sink.wants(Integer.MAX_VALUE, NORMALIZED)) {
            Norm.State state = tapped;
            if (state == null) {
                state = new Norm.State();
                norm.forward(resid, state);
            }
            return norm.backward(Gradients.spread(pass, normed), state, rules, sink, Integer.MAX_VALUE, "ln_final");
        }
        NDArray seen = Head.lastPositions(pass, resid);
        int batch = pass.batch();
        long bytes = 4 * normed.size() / batch;
        Torch.Values values = Torch.values(normed);
        NDArray last = Torch.empty(manager, batch, bytes / 4);
        norm.back(values.memory(), Torch.memory(seen), batch, rules, Torch.memory(last));
        NDArray all = manager.zeros(new Shape(batch, pass.positions, bytes / 4));
        MemorySegment to = Torch.memory(all);
        for (int b = 0; b < batch; b++) {
            MemorySegment.copy(Torch.memory(last), bytes * b, to, bytes * Head.lastRow(pass, b), bytes);
        }
        Reference.reachabilityFence(values);
        return all;
    }
}
