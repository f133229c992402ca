package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.base.UsageException;
import dev.loupe.tensor.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Forward, then back from a metric of the last logits or from hook points. On the way forward the inputs of blocks are
 * kept ({@link BlockInputs}), and within the plan's memory also what they computed inside; going back, a block whose inside
 * was not kept is run forward once more (with the edits it had) and then derived. Nothing is shared between passes,
 * so several may run at a time.
 */
final class Gradients {
    private final Core core;
    private final List<BlockBackward> blocks;

    /** Hears, between any two blocks, how many bytes the tensors of a pass take; for tests of the budget. */
    volatile @Nullable LongConsumer watcher;

    Gradients(Core core) {
        this.core = core;
        List<BlockBackward> list = new ArrayList<>();
        for (int layer = 0; layer < core.blocks.size(); layer++) {
            list.add(new BlockBackward(layer, core));
        }
        blocks = List.copyOf(list);
    }

    record Result(double[] values, Map<HookPoint, Activation> gradients, Forward forward) implements Backward {
        @Override
        public double value(int row) {
            return values[row];
        }

        @Override
        public Activation gradient(HookPoint hook) {
            Activation a = gradients.get(hook);
            if (a == null) {
                throw new IllegalStateException("the gradient of " + hook + " was not asked for");
            }
            return a;
        }
    }

    /** Keeps copies of the gradients that are wanted and lets editors change them. */
    record Kept(Pass pass, BackwardPlan plan, Map<HookPoint, Activation> gradients) implements GradientSink {
        @Override
        public boolean wants(int layer, String local) {
            HookPoint hook = hook(layer, local);
            return plan.wrt().contains(hook) || plan.flow().edited().contains(hook);
        }

        @Override
        public boolean stops(int layer, String local) {
            return plan.flow().editors(hook(layer, local)).contains(BackwardPlan.STOP);
        }

        @Override
        public NDArray at(int layer, String local, NDArray gradient) {
            HookPoint hook = hook(layer, local);
            boolean square = local.equals(Pass.PATTERN) || local.equals(Pass.SCORES);
            int heads = square ? (int) gradient.getShape().get(1) : 0;
            if (plan.wrt().contains(hook)) {
                gradients.put(hook, pass.copied(hook, gradient, heads));
            }
            List<Editor> editors = plan.flow().editors(hook);
            return editors.isEmpty() ? gradient : pass.changed(hook, gradient, heads, editors);
        }

        private static HookPoint hook(int layer, String local) {
            return layer < 0 || layer == Integer.MAX_VALUE ? HookPoint.of(local) : HookPoint.block(layer, local);
        }
    }

    Backward run(TokenBatch tokens, Taps taps, BackwardPlan plan) {
        int lowest = lowest(plan);
        try (ModelUse.Lease lease = core.use.begin();
                NDManager manager = core.newManager();
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Pass pass = new Pass(manager, Transformer.lengths(tokens.ids()), tokens.positions(), taps, true, true);
            Map<HookPoint, Activation> gradients = new HashMap<>();
            GradientSink sink = new Kept(pass, plan, gradients);
            int top = plan.seed() == null ? highest(plan.flow(), core.blocks.size()) : core.blocks.size() - 1;
            Map<Integer, BlockState> states = new HashMap<>();
            NDArray resid = core.embed(pass, tokens.ids());
            BlockInputs inputs = new BlockInputs(core, lowest, top, 4 * resid.size(), plan.keepBytes());
            long left = plan.keepBytes() - 4 * resid.size() * (top + 1L - lowest); // for states
            for (int layer = 0; layer <= top; layer++) {
                boolean keeps = layer >= lowest && inputs.whole();
                NDArray next = forward(layer, pass, resid, keeps ? states : null, left / (top + 1 - layer));
                inputs.put(layer, resid);
                resid = next;
                watch(manager);
            }
            float[][] last = null;
            double[] values = new double[pass.batch()];
            NDArray g;
            if (plan.seed() == null) {
                g = resid.zerosLike();
                pass.replay();
            } else {
                Norm.State state = new Norm.State();
                last = core.head.last(pass, core.head.normed(pass, resid, state));
                float[][] seeds = seeds(plan.seed(), last, values);
                NDArray gNormed = spread(pass, core.head.backward(pass.manager, last, seeds));
                pass.replay();
                g = core.weights.finalNorm.backward(gNormed, state, plan.rules(), sink, Integer.MAX_VALUE, "ln_final");
            }
            for (int layer = top; layer >= lowest; layer--) {
                g = back(layer, pass, inputs.get(layer, pass), states.remove(layer), g, plan.rules(), sink);
                watch(manager);
                inputs.free(layer);
            }
            sink.at(-1, "hook_embed", g);
            sink.at(-1, "hook_pos_embed", g);
            return new Result(values, gradients, new ForwardResult(pass.read(), last, null, null));
        }
    }

    /** Runs forward once, to go back many times; null if that takes more memory than allowed. */
    @Nullable KeptStates keep(TokenBatch tokens, Taps taps, long keepBytes, Consumer<BackwardPlan> check) {
        return KeptStates.of(core, blocks, tokens, taps, keepBytes, check);
    }

    /** The first block that a plan goes back through. */
    static int lowest(BackwardPlan plan) {
        return plan.wrt().stream().mapToInt(h -> Math.max(0, h.layer())).min().orElse(Integer.MAX_VALUE);
    }

    /** The block that a plan without a metric starts in. */
    static int highest(Taps flow, int blocks) {
        int highest = flow.edited().stream().mapToInt(HookPoint::layer).max().orElse(-1);
        if (highest < 0 || highest >= blocks) {
            throw new UsageException("A backward pass without a metric starts inside a block, not at " + flow.edited());
        }
        return highest;
    }

    /** Tells a watcher how much memory tensors take between two blocks. */
    private void watch(NDManager manager) {
        LongConsumer to = watcher;
        if (to != null) {
            to.accept(core.weights.bytesIn(manager));
        }
    }

    /** One block on the way forward; its state is kept while the states of the blocks from here on fit the budget. */
    private NDArray forward(
            int layer, Pass pass, NDArray input, @Nullable Map<Integer, BlockState> states, long share) {
        if (states == null) {
            return BlockState.set(core.step(core.blocks.get(layer), pass, input, null));
        }
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            BlockState state = new BlockState();
            NDArray next = BlockState.set(core.blocks.get(layer).forward(pass, input, null, state));
            NDScope.unregister(next);
            if (state.bytes() <= share) { // blocks are equal, and the last are needed first
                state.keep();
                states.put(layer, state);
            }
            return next;
        }
    }

    private NDArray back(
            int layer, Pass pass, NDArray input, @Nullable BlockState kept, NDArray g, Rules rules, GradientSink sink) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            BlockState state = kept == null ? new BlockState() : kept;
            if (kept == null) {
                core.blocks.get(layer).forward(pass, input, null, state);
            }
            NDArray before = blocks.get(layer).backward(state, g, rules, sink);
            NDScope.unregister(before);
            if (before != g) {
                g.close();
            }
            if (kept != null) {
                kept.close();
            }
            return before;
        }
    }

    /** The metric's gradient by logit, {@code [batch][d_vocab]}. */
    static float[][] seeds(LogitSeed seed, float[][] last, double[] values) {
        float[][] seeds = new float[last.length][];
        for (int row = 0; row < last.length; row++) {
            seeds[row] = new float[last[row].length];
            values[row] = seed.seed(row, last[row], seeds[row]);
        }
        return seeds;
    }

    /** Values of each row's last position in a tensor {@code [batch, pos, width]} of zeros. */
    static NDArray spread(Pass pass, NDArray atLast) {
        float[] rows = Torch.toArray(atLast);
        int width = rows.length / pass.batch();
        float[] all = new float[pass.batch() * pass.positions * width];
        for (int b = 0; b < pass.batch(); b++) {
            int to = (b * pass.positions + pass.lengths[b] - 1) * width;
            System.arraycopy(rows, b * width, all, to, width);
        }
        return Torch.floats(pass.manager, all, pass.batch(), pass.positions, width);
    }
}
