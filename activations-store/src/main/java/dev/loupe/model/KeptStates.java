package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private final List<FusedBackward> fused;
    private final List<NDArray> inputs = new ArrayList<>();
    private final List<BlockRecord> states = new ArrayList<>();

    /** The tensors of blocks that some plan could not go back through over memory. */
    private final Map<Integer, BlockState> tensors = new HashMap<>();

    private long left;
    private @Nullable HeadBackward head;

    private KeptStates(
            Core core,
            List<BlockBackward> blocks,
            List<FusedBackward> fused,
            TokenBatch tokens,
            Taps taps,
            Consumer<BackwardPlan> check) {
        this.check = check;
        this.core = core;
        this.blocks = blocks;
        this.fused = fused;
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
            List<FusedBackward> fused,
            TokenBatch tokens,
            Taps taps,
            long keepBytes,
            Consumer<BackwardPlan> check) {
        KeptStates kept = new KeptStates(core, blocks, fused, tokens, taps, check);
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
        left = keepBytes;
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray resid = core.embed(pass, tokens.ids());
            NDScope.unregister(resid);
            for (Block block : core.blocks) {
                inputs.add(resid);
                try (NDScope inner = new NDScope()) {
                    inner.suppressNotUsedWarning();
                    Gradients.Recorded recorded =
                            Gradients.Recorded.of(block, pass, resid, overMemory(block, inputs.size() - 1));
                    NDScope.unregister(recorded.next());
                    long bytes = recorded.state().bytes() + 4 * resid.size();
                    if (bytes * core.blocks.size() > keepBytes) {
                        recorded.next().close();
                        return false;
                    }
                    left -= bytes;
                    recorded.state().keep();
                    states.add(recorded.state());
                    resid = recorded.next();
                }
            }
            head = HeadBackward.forward(core, pass, resid);
        }
        pass.replay();
        return true;
    }

    /** Whether plans that look at nothing inside the block go back over memory. */
    private boolean overMemory(Block block, int layer) {
        return block.records(pass) && !pass.editsIn(layer);
    }

    @Override
    public Backward back(BackwardPlan plan) {
        check.accept(plan);
        Map<HookPoint, Activation> gradients = new HashMap<>();
        double[] values = new double[pass.batch()];
        HeadBackward end = Objects.requireNonNull(head, "the forward pass came to its end");
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
                g = end.backward(Gradients.seeds(plan.seed(), end.logits(), values), plan.rules(), sink);
            }
            for (int layer = top; layer >= Gradients.lowest(plan); layer--) {
                try (NDScope inner = new NDScope()) {
                    inner.suppressNotUsedWarning();
                    NDArray before = back(layer, g, plan.rules(), sink);
                    pass.blockDone();
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
        return new Gradients.Result(values, gradients, new ForwardResult(Map.of(), end.logits(), null, null));
    }

    private NDArray back(int layer, NDArray g, Rules rules, GradientSink sink) {
        return switch (states.get(layer)) {
            case BlockState kept -> blocks.get(layer).backward(kept, g, rules, sink);
            case FusedState kept ->
                fused.get(layer).fits(pass, rules, sink)
                        ? fused.get(layer).backward(pass, inputs.get(layer), kept, g, rules, sink)
                        : blocks.get(layer).backward(tensors(layer), g, rules, sink);
        };
    }

    /** The block run forward once more as tensors, which are kept if they fit. */
    private BlockState tensors(int layer) {
        BlockState known = tensors.get(layer);
        if (known != null) {
            return known;
        }
        BlockState state = new BlockState();
        core.blocks.get(layer).forward(pass, inputs.get(layer), null, state);
        if (state.bytes() <= left) {
            left -= state.bytes();
            state.keep();
            tensors.put(layer, state);
        }
        return state;
    }

    @Override
    public void close() {
        manager.close();
        lease.close();
    }
}
