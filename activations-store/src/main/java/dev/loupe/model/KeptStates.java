package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A forward pass with what every block computed inside, as {@link Gradients} needs it on the way back. */
final class KeptStates implements KeptPass {
    private final Consumer<BackwardPlan> check;
    private final Core core;
    private final List<BlockBackward> blocks;
    private final ModelUse.Lease lease;
    private final NDManager manager;
    private final Pass pass;
    private final List<BlockState> states = new ArrayList<>();
    private final Norm.State finalNorm = new Norm.State();
    private float[][] last = new float[0][];

    private KeptStates(
            Core core, List<BlockBackward> blocks, TokenBatch tokens, Taps taps, Consumer<BackwardPlan> check) {
        this.check = check;
        this.core = core;
        this.blocks = blocks;
        this.lease = core.use.begin();
        this.manager = core.newManager();
        this.pass = new Pass(manager, Transformer.lengths(tokens.ids()), tokens.positions(), taps, true, true);
    }

    /**
     * Runs forward; null if the insides take more memory than that.
     *
     * @param check refuses plans with hook points that the model has not
     */
    static @Nullable KeptStates of(
            Core core,
            List<BlockBackward> blocks,
            TokenBatch tokens,
            Taps taps,
            long keepBytes,
            Consumer<BackwardPlan> check) {
        KeptStates kept = new KeptStates(core, blocks, tokens, taps, check);
        boolean whole = false;
        try {
            whole = kept.forward(tokens, keepBytes);
        } finally {
            if (!whole) {
                kept.close();
            }
        }
        return whole ? kept : null;
    }

    private boolean forward(TokenBatch tokens, long keepBytes) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray resid = core.embed(pass, tokens.ids()); // inputs of blocks are parts of their norms' states
            NDScope.unregister(resid);
            for (Block block : core.blocks) {
                try (NDScope inner = new NDScope()) {
                    inner.suppressNotUsedWarning();
                    BlockState state = new BlockState();
                    NDArray next = BlockState.set(block.forward(pass, resid, null, state));
                    NDScope.unregister(next);
                    if (state.bytes() * core.blocks.size() > keepBytes) {
                        next.close();
                        return false;
                    }
                    state.keep();
                    states.add(state);
                    resid = next;
                }
            }
            last = core.head.last(pass, core.head.normed(pass, resid, finalNorm));
            NDScope.unregister(BlockState.set(finalNorm.centred), BlockState.set(finalNorm.scale));
        }
        return true;
    }

    @Override
    public Backward back(BackwardPlan plan) {
        check.accept(plan);
        Map<HookPoint, Activation> gradients = new HashMap<>();
        double[] values = new double[pass.batch()];
        float[][] logits = last;
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            GradientSink sink = new Gradients.Kept(pass, plan, gradients);
            int top = core.blocks.size() - 1;
            NDArray g;
            if (plan.seed() == null) {
                top = Gradients.highest(plan.flow(), core.blocks.size());
                g = manager.zeros(new Shape(
                        pass.batch(), pass.positions, core.spec.config().dModel()));
            } else {
                NDArray normed = Gradients.spread(
                        pass, core.head.backward(manager, logits, Gradients.seeds(plan.seed(), logits, values)));
                g = core.weights.finalNorm.backward(
                        normed, finalNorm, plan.rules(), sink, Integer.MAX_VALUE, "ln_final");
            }
            for (int layer = top; layer >= Gradients.lowest(plan); layer--) {
                try (NDScope inner = new NDScope()) {
                    inner.suppressNotUsedWarning();
                    NDArray before = blocks.get(layer).backward(states.get(layer), g, plan.rules(), sink);
                    NDScope.unregister(before);
                    if (before != g) {
                        g.close();
                    }
                    g = before;
                }
            }
            sink.at(-1, "hook_embed", g);
            sink.at(-1, "hook_pos_embed", g);
            g.close();
        }
        return new Gradients.Result(values, gradients, new ForwardResult(Map.of(), logits, null, null));
    }

    @Override
    public void close() {
        manager.close();
        lease.close();
    }
}
