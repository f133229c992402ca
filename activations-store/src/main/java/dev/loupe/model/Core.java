package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.core.Embedding;
import dev.loupe.tensor.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The computing part of a model: embedding, blocks and head in order. */
final class Core {
    final ModelSpec spec;
    final Weights weights;
    private final List<Rotary> rotaries = new ArrayList<>();
    final List<Block> blocks;
    final Head head;
    final ModelUse use = new ModelUse();

    Core(ModelSpec spec, Weights weights) {
        this.spec = spec;
        this.weights = weights;
        Map<LayerSpec, Rotary> known = new HashMap<>();
        List<Block> list = new ArrayList<>();
        for (int layer = 0; layer < spec.config().nLayers(); layer++) {
            LayerSpec own = spec.layers().get(layer);
            int dims = spec.architecture().rotaryDims();
            if (dims > 0) { // windows and scales do not matter to angles
                LayerSpec angles = new LayerSpec(0, 1, own.ropeTheta(), own.rope());
                rotaries.add(known.computeIfAbsent(angles, a -> new Rotary(weights.manager, spec.config(), dims, a)));
            }
            list.add(new Block(layer, spec, weights, rotary(layer)));
        }
        blocks = List.copyOf(list);
        head = new Head(weights, spec);
    }

    /** The rotation by positions in a layer; null where positions are learned. */
    @Nullable Rotary rotary(int layer) {
        return rotaries.isEmpty() ? null : rotaries.get(layer);
    }

    /** A manager for the tensors of one pass, on a thread that records no gradients. */
    NDManager newManager() {
        Torch.enter();
        weights.checkUnchanged();
        return weights.manager.newSubManager();
    }

    /** Embeddings of tokens and positions {@code [batch, pos, d_model]}; padding gets token 0, which nothing real ever sees. */
    NDArray embed(Pass pass, int[][] ids) {
        pass.tokens(ids);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray rows = tokens(pass, ids);
            if (spec.architecture().embedScale() != 1) {
                rows = rows.mul(spec.architecture().embedScale());
            }
            NDArray embedded = pass.at(-1, "hook_embed", rows);
            if (weights.positions != null) {
                embedded = embedded.add(pass.at(-1, "hook_pos_embed", positions(pass, weights.positions)));
            }
            NDScope.unregister(embedded);
            return embedded;
        }
    }

    private NDArray tokens(Pass pass, int[][] ids) {
        int[] flat = new int[pass.batch() * pass.positions];
        for (int b = 0; b < ids.length; b++) {
            for (int p = 0; p < ids[b].length; p++) {
                flat[b * pass.positions + p] = ids[b][p];
            }
        }
        if (weights.embedTensor != null) {
            long[] longs = Arrays.stream(flat).asLongStream().toArray();
            return rows(pass, weights.embedTensor, longs);
        }
        NDArray rows = Torch.empty(pass.manager, pass.batch(), pass.positions, weights.embed.cols());
        weights.embed.gather(flat, Torch.memory(rows));
        return rows;
    }

    /** Rows of a table, {@code [batch, pos, width]}. */
    private static NDArray rows(Pass pass, NDArray table, long[] ids) {
        return Embedding.embedding(
                        Torch.longs(pass.manager, ids, pass.batch(), pass.positions), table, SparseFormat.DENSE)
                .singletonOrThrow();
    }

    /** Learned positions {@code [batch, pos, d_model]}. */
    private static NDArray positions(Pass pass, NDArray table) {
        if (!pass.aligned()) {
            return rows(pass, table, pass.allPositions((int) table.getShape().get(0)));
        }
        NDArray rows = table.get(pass.manager, new NDIndex().addSliceDim(pass.start, pass.start + pass.positions));
        return rows.expandDims(0)
                .broadcast(pass.batch(), pass.positions, table.getShape().get(1));
    }

    /**
     * Runs one block and frees what it made.
     *
     * @return the residual stream after it, or null if the pass needs nothing more
     */
    @Nullable NDArray step(Block block, Pass pass, NDArray resid, @Nullable KeysAndValues cache) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray next = block.forward(pass, resid, cache, null);
            if (next != null) {
                checkDevice(next);
                NDScope.unregister(next);
            }
            return next;
        }
    }

    private void checkDevice(NDArray resid) {
        if (weights.device.tensors()) {
            Torch.requireOn(weights.device, resid, "The residual stream");
        }
    }

    /** Keys and values of texts that are being written. */
    TextCache newCache(NDManager manager) {
        return weights.device.tensors()
                ? new TensorCache(manager, spec.config())
                : new KeyValueCache(manager, spec.config());
    }

    /** Runs all blocks; null if the pass was finished before the end. */
    @Nullable NDArray run(Pass pass, int[][] ids, @Nullable KeysAndValues cache) {
        NDArray resid = embed(pass, ids);
        for (Block block : blocks) {
            if (pass.finished()) {
                resid.close();
                return null;
            }
            NDArray next = step(block, pass, resid, cache);
            resid.close();
            if (next == null) {
                return null;
            }
            resid = next;
        }
        return resid;
    }
}
