package dev.loupe.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory that one thread uses again and again, for one purpose; it only grows. */
final class Scratch {
    private MemorySegment memory = MemorySegment.NULL;

    /** A scratch of its own for every thread. */
    static ThreadLocal<Scratch> perThread() {
        return ThreadLocal.withInitial(Scratch::new);
    }

    /** The address of at least so many bytes, 64-byte aligned, with whatever was left there. */
    @SuppressWarnings("MustBeClosedChecker") // an automatic arena is never closed
    long address(long bytes) {
        if (memory.byteSize() < bytes) {
            memory = Arena.ofAuto().allocate(bytes + bytes / 4, 64);
        }
        return memory.address();
    }
}
