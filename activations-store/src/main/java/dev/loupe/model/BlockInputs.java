package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of blocks that a backward pass goes back through, {@code [batch, pos, d_model]} each. Within a budget of memory
 * all are kept; below that every n-th, and those between are computed again from the last one before them (Chen et al.,
 * arXiv 1604.06174, section 4). The least that this needs is about {@code 2 sqrt(blocks)} inputs.
 */
final class BlockInputs {
    private final Core core;
    private final int lowest;
    private final int stride;
    private final @Nullable NDArray[] inputs;

    /**
     * Plans which inputs to keep.
     *
     * @param lowest first block that the pass goes back through
     * @param top last block
     * @param bytes of one input
     * @param budget bytes for all inputs together
     */
    BlockInputs(Core core, int lowest, int top, long bytes, long budget) {
        this.core = core;
        this.lowest = lowest;
        this.inputs = new NDArray[top + 1];
        this.stride = stride(Math.max(0, top + 1 - lowest), budget / bytes);
    }

    /** The smallest distance of kept inputs with which they and one stretch between them are at most so many. */
    static int stride(int blocks, long most) {
        int best = 1;
        for (int stride = 1; stride <= Math.max(1, blocks); stride++) {
            if (held(blocks, stride) <= most) {
                return stride;
            }
            best = held(blocks, stride) < held(blocks, best) ? stride : best;
        }
        return best;
    }

    /** How many inputs are held at most: every {@code stride}-th, and those of one stretch between. */
    static int held(int blocks, int stride) {
        return Math.ceilDiv(blocks, stride) + stride - 1;
    }

    /** Whether every input is kept. */
    boolean whole() {
        return stride == 1;
    }

    /** Takes the input of a block after the block has run: keeps or frees it. */
    void put(int layer, NDArray input) {
        if (layer >= lowest && (layer - lowest) % stride == 0) {
            inputs[layer] = input;
        } else {
            input.close();
        }
    }

    /** The input of a block, computed again if it was not kept. */
    NDArray get(int layer, Pass pass) {
        int from = layer;
        while (inputs[from] == null) {
            from--;
        }
        for (int i = from; i < layer; i++) {
            inputs[i + 1] = core.step(core.blocks.get(i), pass, BlockState.set(inputs[i]), null);
        }
        return BlockState.set(inputs[layer]);
    }

    /** Frees the input of a block. */
    void free(int layer) {
        BlockState.set(inputs[layer]).close();
        inputs[layer] = null;
    }
}
