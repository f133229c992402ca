package dev.loupe.corpus;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferManager;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;

/**
 * The memory that one Arrow stream of another program is read into, by one thread. Arrow's reader forgets the buffer it was
 * filling when a stream breaks off or its numbers lie; closing this memory gives such buffers back, too.
 */
public final class ArrowMemory extends RootAllocator {
    private static final int FEW = 64;
    private static final long ALWAYS = 1L << 30;
    private static final long PACKED = 8;

    private final List<ArrowBuf> buffers = new ArrayList<>();
    private int full = FEW;

    /**
     * Memory for files of so many bytes; more than they can account for fails with Arrow's {@code OutOfMemoryException}.
     *
     * @param fileBytes size of the largest file, whose batches may be packed
     */
    public ArrowMemory(long fileBytes) {
        super(ALWAYS + PACKED * fileBytes);
    }

    @Override
    public ArrowBuf buffer(long size, @Nullable BufferManager manager) {
        ArrowBuf buffer = super.buffer(size, manager);
        if (buffers == null) {
            return buffer; // asked for while this is being made
        }
        if (size > 0) { // empty ones are all the same and are never given back
            if (buffers.size() >= full) {
                buffers.removeIf(b -> b.refCnt() == 0);
                full = Math.max(FEW, 2 * buffers.size());
            }
            buffers.add(buffer);
        }
        return buffer;
    }

    /** Gives everything back, what is still in use as well: readers and vectors are to be closed before. */
    @Override
    public void close() {
        for (ArrowBuf buffer : buffers) {
            int held = buffer.refCnt();
            if (held > 0) {
                buffer.getReferenceManager().release(held);
            }
        }
        buffers.clear();
        super.close();
    }
}
