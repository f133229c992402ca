package dev.loupe.engine.cuda;

import dev.loupe.math.Parallel;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/** A session's memory on its card, by name, with a pinned buffer through which everything but batches passes. */
final class DeviceMemory implements AutoCloseable {
    private static final long STAGE = 16L << 20;
    private static final long PIECE = 1L << 20;

    private final CudaDevice device;
    private final long stream;
    private final MemorySegment stage;
    private final Map<String, long[]> held = new LinkedHashMap<>();

    DeviceMemory(CudaDevice device, long stream) {
        this.device = device;
        this.stream = stream;
        this.stage = device.driver().allocateHost(STAGE);
    }

    /** The address of memory of at least so many bytes; what it held is lost where it must grow. */
    long need(String name, long bytes) {
        long[] old = held.get(name);
        if (old != null && old[1] >= bytes) {
            return old[0];
        }
        free(name);
        long address = device.allocate(name, bytes);
        held.put(name, new long[] {address, bytes});
        return address;
    }

    /** Gives memory back. */
    void free(String name) {
        long[] old = held.remove(name);
        if (old != null) {
            device.driver().sync(stream);
            device.free(old[0], old[1]);
        }
    }

    /** All bytes held. */
    long bytes() {
        return held.values().stream().mapToLong(h -> h[1]).sum();
    }

    /** Copies to the card; done when this returns. */
    void upload(long to, MemorySegment from) {
        for (long at = 0; at < from.byteSize(); at += STAGE) {
            long bytes = Math.min(STAGE, from.byteSize() - at);
            copy(from.asSlice(at, bytes), stage);
            device.driver().toDevice(to + at, stage, bytes, stream);
            device.driver().sync(stream);
        }
    }

    /** Copies from the card, after what the stream has been told so far; done when this returns. */
    void download(MemorySegment to, long from) {
        for (long at = 0; at < to.byteSize(); at += STAGE) {
            long bytes = Math.min(STAGE, to.byteSize() - at);
            device.driver().toHost(stage, from + at, bytes, stream);
            device.driver().sync(stream);
            copy(stage.asSlice(0, bytes), to.asSlice(at, bytes));
        }
    }

    /** Copies within the host's memory on all cores: one alone is slower than the way to the card. */
    static void copy(MemorySegment from, MemorySegment to) {
        long bytes = from.byteSize();
        Parallel.run((int) Math.ceilDiv(bytes, PIECE), p -> {
            long at = (long) p * PIECE;
            MemorySegment.copy(from, at, to, at, Math.min(PIECE, bytes - at));
        });
    }

    @Override
    public void close() {
        for (String name : java.util.List.copyOf(held.keySet())) {
            free(name);
        }
        device.driver().freeHost(stage);
    }
}
