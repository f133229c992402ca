package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Variations over a base run of which are kept: keys and values of the positions before the first one that differs, and
 * the residual stream that enters each block from there on.
 */
final class SharedRuns implements Variations {
    private final Core core;
    private final NDManager manager;
    private final int positions;
    private final int position;
    private final SharedKeys before;
    private final List<NDArray> inputs = new ArrayList<>(); // [1, positions - position, D] of each block

    SharedRuns(Core core, int[] tokens, int position) {
        this.core = core;
        this.positions = tokens.length;
        this.position = position;
        SharedKeys whole = new SharedKeys(core.blocks.size());
        try (ModelUse.Lease lease = core.use.begin();
                NDScope scope = new NDScope()) {
            manager = core.newManager();
            scope.suppressNotUsedWarning();
            Pass pass = new Pass(manager, new int[] {positions}, positions, Taps.none(), true, false);
            NDArray resid = core.embed(pass, new int[][] {tokens});
            for (Block block : core.blocks) {
                NDArray part = resid.get(new NDIndex().addAllDim().addSliceDim(position, positions))
                        .duplicate();
                part.attach(manager);
                NDScope.unregister(part);
                inputs.add(part);
                resid = BlockState.set(core.step(block, pass, resid, whole));
            }
            before = whole.first(position, manager);
        }
    }

    @Override
    public int position() {
        return position;
    }

    @Override
    public Forward run(int rows, int layer, Taps taps) {
        for (HookPoint hook : taps.edited()) {
            if (hook.layer() < layer) {
                throw new UsageException("A run that begins at block " + layer + " cannot be changed at " + hook + ".");
            }
        }
        try (ModelUse.Lease lease = core.use.begin();
                NDManager sub = core.newManager();
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            int[] lengths = new int[rows];
            Arrays.fill(lengths, positions - position);
            Pass pass = Pass.from(position, sub, lengths, positions - position, taps);
            SharedKeys cache = before.repeated(rows);
            NDArray first = inputs.get(layer);
            NDArray resid = first.broadcast(
                    rows, first.getShape().get(1), first.getShape().get(2));
            for (int l = layer; l < core.blocks.size(); l++) {
                NDArray next = BlockState.set(core.step(core.blocks.get(l), pass, resid, cache));
                resid.close();
                resid = next;
            }
            float[][] last = core.head.last(pass, core.head.normed(pass, resid, new Norm.State(false)));
            cache.close();
            return new ForwardResult(pass.read(), last, null, null);
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
