package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.base.UsageException;
import dev.loupe.tensor.Torch;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Forward, then back from a metric of the last logits. Only the inputs of blocks are kept on the way forward; going
 * back, each block is run forward once more (with the edits it had) and then derived. Nothing is shared between passes,
 * so several may run at a time.
 */
final class Gradients {
    private final Core core;
    private final List<BlockBackward> blocks;

    Gradients(Core core) {
        this.core = core;
        List<BlockBackward> list = new ArrayList<>();
        for (int layer = 0; layer < core.blocks.size(); layer++) {
            list.add(new BlockBackward(layer, core));
        }
        blocks = List.copyOf(list);
    }

    private record Result(double[] values, Map<HookPoint, Activation> gradients, Forward forward) implements Backward {
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

    /** Keeps copies of the gradients that are wanted. */
    private record Kept(Pass pass, Set<HookPoint> wanted, Map<HookPoint, Activation> gradients)
            implements GradientSink {
        @Override
        public boolean wants(int layer, String local) {
            return wanted.contains(hook(layer, local));
        }

        @Override
        public void keep(int layer, String local, NDArray gradient) {
            HookPoint hook = hook(layer, local);
            if (wanted.contains(hook)) {
                boolean square = local.equals(Pass.PATTERN) || local.equals(Pass.SCORES);
                int heads = square ? (int) gradient.getShape().get(1) : 0;
                gradients.put(hook, pass.copied(hook, gradient, heads));
            }
        }

        private static HookPoint hook(int layer, String local) {
            return layer < 0 || layer == Integer.MAX_VALUE ? HookPoint.of(local) : HookPoint.block(layer, local);
        }
    }

    Backward run(TokenBatch tokens, Taps taps, LogitSeed seed, Rules rules, Collection<HookPoint> wrt) {
        Set<HookPoint> wanted = new HashSet<>(wrt);
        int lowest = Integer.MAX_VALUE;
        for (HookPoint hook : wanted) {
            if (hook.local().endsWith("hook_scale")) {
                throw new UsageException(
                        "There is no gradient with respect to " + hook + ": take the hook_normalized of that norm.");
            }
            lowest = Math.min(lowest, Math.max(0, hook.layer()));
        }
        try (NDManager manager = core.newManager();
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Pass pass = new Pass(manager, Transformer.lengths(tokens.ids()), tokens.positions(), 0, taps, true, true);
            Map<HookPoint, Activation> gradients = new HashMap<>();
            GradientSink sink = new Kept(pass, wanted, gradients);
            List<NDArray> inputs = new ArrayList<>();
            NDArray resid = core.embed(pass, tokens.ids());
            for (Block block : core.blocks) {
                inputs.add(resid);
                resid = BlockState.set(core.step(block, pass, resid, null));
            }
            Norm.State state = new Norm.State();
            float[][] last = core.head.last(pass, core.head.normed(pass, resid, state));
            double[] values = new double[pass.batch()];
            float[][] seeds = seeds(seed, last, values);
            NDArray gNormed = spread(pass, core.head.backward(pass.manager, last, seeds));
            pass.replay();
            NDArray g = core.weights.finalNorm.backward(gNormed, state, rules, sink, Integer.MAX_VALUE, "ln_final");
            for (int layer = core.blocks.size() - 1; layer >= lowest; layer--) {
                g = back(layer, pass, inputs.get(layer), g, rules, sink);
                inputs.get(layer).close();
            }
            sink.keep(-1, "hook_embed", g);
            sink.keep(-1, "hook_pos_embed", g);
            return new Result(values, gradients, new ForwardResult(pass.read(), last, null, null));
        }
    }

    private NDArray back(int layer, Pass pass, NDArray input, NDArray g, Rules rules, GradientSink sink) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            BlockState state = new BlockState();
            core.blocks.get(layer).forward(pass, input, null, state);
            NDArray before = blocks.get(layer).backward(state, g, rules, sink);
            NDScope.unregister(before);
            g.close();
            return before;
        }
    }

    /** The metric's gradient by logit, {@code [batch][d_vocab]}. */
    private static float[][] seeds(LogitSeed seed, float[][] last, double[] values) {
        float[][] seeds = new float[last.length][];
        for (int row = 0; row < last.length; row++) {
            seeds[row] = new float[last[row].length];
            values[row] = seed.seed(row, last[row], seeds[row]);
        }
        return seeds;
    }

    /** Values of each row's last position in a tensor {@code [batch, pos, width]} of zeros. */
    private static NDArray spread(Pass pass, NDArray atLast) {
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
