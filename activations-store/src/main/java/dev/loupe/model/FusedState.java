package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import dev.loupe.tensor.Torch;
import java.lang.foreign.MemorySegment;

/** What {@link FusedBackward} needs of {@link FusedBlock}: parts of one tensor, so that a block costs one allocation. */
final class FusedState implements BlockRecord {
    private final NDArray all;
    private final MemorySegment memory;
    private final long[] starts = new long[PassMemory.USES + 1];

    /**
     * Takes memory.
     *
     * @param widths values per position of each use that is kept, 0 for the others
     */
    FusedState(Pass pass, int[] widths) {
        for (int use = 0; use < widths.length; use++) {
            starts[use + 1] = starts[use] + (long) pass.rows() * widths[use];
        }
        all = Torch.empty(pass.manager, starts[widths.length]);
        memory = Torch.memory(all);
    }

    /** Whether a use is kept. */
    boolean keeps(int use) {
        return starts[use + 1] > starts[use];
    }

    /** The values of a use. */
    MemorySegment get(int use) {
        if (!keeps(use)) {
            throw new IllegalStateException("use " + use + " is not kept");
        }
        return memory.asSlice(4 * starts[use], 4 * (starts[use + 1] - starts[use]));
    }

    @Override
    public void keep() {
        NDScope.unregister(all);
    }

    @Override
    public long bytes() {
        return memory.byteSize();
    }

    @Override
    public void close() {
        all.close();
    }
}
