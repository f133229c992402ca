package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.base.UsageException;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
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
    private final List<FusedBackward> fused;

    /** Hears, between any two blocks, how many bytes the tensors of a pass take; for tests of the budget. */
    volatile @Nullable LongConsumer watcher;

    Gradients(Core core) {
        this.core = core;
        List<BlockBackward> list = new ArrayList<>();
        List<FusedBackward> overMemory = new ArrayList<>();
        for (int layer = 0; layer < core.blocks.size(); layer++) {
            list.add(new BlockBackward(layer, core));
            overMemory.add(new FusedBackward(layer, core));
        }
        blocks = List.copyOf(list);
        fused = List.copyOf(overMemory);
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

        @Override
        public MemorySegment at(int layer, String local, MemorySegment gradient) {
            HookPoint hook = hook(layer, local);
            if (plan.wrt().contains(hook)) {
                gradients.put(hook, pass.copied(hook, gradient));
            }
            List<Editor> editors = plan.flow().editors(hook);
            if (editors.isEmpty()) {
                return gradient;
            }
            long width = gradient.byteSize() / 4 / pass.rows();
            NDArray tensor = Torch.wrap(pass.manager, gradient, pass.batch(), pass.positions, width);
            return Torch.memory(pass.changed(hook, tensor, 0, editors));
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
            Map<Integer, BlockRecord> states = new HashMap<>();
            boolean[] overMemory = overMemory(pass, plan.rules(), sink);
            NDArray resid = core.embed(pass, tokens.ids());
            BlockInputs inputs = new BlockInputs(core, lowest, top, 4 * resid.size(), plan.keepBytes());
            long left = plan.keepBytes() - 4 * resid.size() * (top + 1L - lowest); // for states
            for (int layer = 0; layer <= top; layer++) {
                boolean keeps = layer >= lowest && inputs.whole();
                NDArray next =
                        forward(layer, pass, resid, overMemory[layer], keeps ? states : null, left / (top + 1 - layer));
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
                HeadBackward head = HeadBackward.forward(core, pass, resid);
                last = head.logits();
                float[][] seeds = seeds(plan.seed(), last, values);
                pass.replay();
                g = head.backward(seeds, plan.rules(), sink);
            }
            for (int layer = top; layer >= lowest; layer--) {
                NDArray input = inputs.get(layer, pass);
                g = back(layer, pass, input, overMemory[layer], states.remove(layer), g, plan.rules(), sink);
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
        return KeptStates.of(core, blocks, fused, tokens, taps, keepBytes, check);
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

    /** Which blocks are recorded and derived over memory. */
    private boolean[] overMemory(Pass pass, Rules rules, GradientSink sink) {
        boolean[] all = new boolean[core.blocks.size()];
        for (int layer = 0; layer < all.length; layer++) {
            all[layer] =
                    core.blocks.get(layer).records(pass) && fused.get(layer).fits(pass, rules, sink);
        }
        return all;
    }

    /** One block on the way forward; its state is kept while the states of the blocks from here on fit the budget. */
    private NDArray forward(
            int layer,
            Pass pass,
            NDArray input,
            boolean overMemory,
            @Nullable Map<Integer, BlockRecord> states,
            long share) {
        if (states == null) {
            return BlockState.set(core.step(core.blocks.get(layer), pass, input, null));
        }
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Recorded recorded = record(layer, pass, input, overMemory);
            NDScope.unregister(recorded.next);
            if (recorded.state.bytes() <= share) { // blocks are equal, and the last are needed first
                recorded.state.keep();
                states.put(layer, recorded.state);
            }
            return recorded.next;
        }
    }

    /** The residual stream after a block, and what its backward pass needs. */
    record Recorded(BlockRecord state, NDArray next) {
        static Recorded of(Block block, Pass pass, NDArray input, boolean overMemory) {
            if (overMemory) {
                FusedState state = block.newState(pass);
                return new Recorded(state, block.record(pass, input, state));
            }
            BlockState state = new BlockState();
            return new Recorded(state, BlockState.set(block.forward(pass, input, null, state)));
        }
    }

    private Recorded record(int layer, Pass pass, NDArray input, boolean overMemory) {
        return Recorded.of(core.blocks.get(layer), pass, input, overMemory);
    }

    private NDArray back(
            int layer,
            Pass pass,
            NDArray input,
            boolean overMemory,
            @Nullable BlockRecord kept,
            NDArray g,
            Rules rules,
            GradientSink sink) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            BlockRecord record = kept == null ? record(layer, pass, input, overMemory).state : kept;
            NDArray before = switch (record) {
                case BlockState tensors -> blocks.get(layer).backward(tensors, g, rules, sink);
                case FusedState memory -> fused.get(layer).backward(pass, input, memory, g, rules, sink);
            };
            NDScope.unregister(before);
            pass.blockDone();
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
