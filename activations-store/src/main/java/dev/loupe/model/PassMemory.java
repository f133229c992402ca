package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Memory that the blocks of one pass use one after another, freed with the pass: what stands in it is any block's. */
final class PassMemory {
    static final int NORMED = 0;
    static final int Q = 1;
    static final int K = 2;
    static final int V = 3;
    static final int Z = 4;
    static final int OUT = 5;
    static final int MID = 6;
    static final int PRE = 7;
    static final int LINEAR = 8;

    /** What only passes that go back have: values from before a norm, and the activation function's. */
    static final int Q_RAW = 9;

    static final int K_RAW = 10;
    static final int ATTN_RAW = 11;
    static final int MLP_RAW = 12;
    static final int POST = 13;

    /** Gradients, named after what they are the gradients of. */
    static final int G_OUT = 14;

    static final int G_POST = 15;
    static final int G_LINEAR = 16;
    static final int G_NORMED = 17;
    static final int G_MID = 18;
    static final int G_Z = 19;
    static final int G_Q = 20;
    static final int G_K = 21;
    static final int G_V = 22;

    /** How many there are. */
    static final int USES = 23;

    private static final long LITTLE = 256 << 10;

    private final NDManager manager;
    private final @Nullable MemorySegment[] memory = new MemorySegment[USES];
    private final @Nullable NDArray[] owners = new NDArray[memory.length];

    PassMemory(NDManager manager) {
        this.manager = manager;
    }

    /** So many floats, with whatever was left there; always the same number for one use. */
    MemorySegment get(int use, long floats) {
        MemorySegment there = memory[use];
        if (there == null || there.byteSize() != 4 * floats) {
            NDArray owner = Torch.empty(manager, floats);
            NDScope.unregister(owner); // lives until it is freed, or as long as the manager
            owners[use] = owner;
            there = Torch.memory(owner);
            memory[use] = there;
        }
        return there;
    }

    /** Frees everything before the end of the pass, unless it is so little that taking it again would cost more. */
    void free() {
        long bytes = 0;
        for (MemorySegment m : memory) {
            bytes += m == null ? 0 : m.byteSize();
        }
        if (bytes <= LITTLE) {
            return;
        }
        for (int i = 0; i < owners.length; i++) {
            NDArray owner = owners[i];
            if (owner != null) {
                owner.close();
            }
            owners[i] = null;
            memory[i] = null;
        }
    }
}
