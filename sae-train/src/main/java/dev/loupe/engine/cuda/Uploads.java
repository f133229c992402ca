package dev.loupe.engine.cuda;

import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** Brings batches to the card: through pinned memory and a stream of its own, where they were not announced to the whole card. */
final class Uploads implements AutoCloseable {
    private final CudaDevice device;
    private final DeviceMemory memory;
    private final long compute;
    private final long copies;
    private final long ready;
    private final Map<String, MemorySegment> pinned = new HashMap<>();

    Uploads(CudaDevice device, DeviceMemory memory, long compute) {
        this.device = device;
        this.memory = memory;
        this.compute = compute;
        copies = device.driver().newStream();
        ready = device.driver().newEvent();
    }

    /** The address that rows will have on the card, shared where they were announced, before anything that the stream is told from now on. */
    long put(String name, Matrix rows) {
        long shared = device.shared().find(rows, compute);
        if (shared != 0) {
            return shared;
        }
        long bytes = rows.segment().byteSize();
        String place = "the rows of a batch (" + name + ")";
        MemorySegment stage = pinned.get(place);
        if (stage == null || stage.byteSize() < bytes) {
            if (stage != null) {
                device.driver().freeHost(stage);
            }
            stage = device.driver().allocateHost(bytes);
            pinned.put(place, stage);
        }
        long to = memory.need(place, bytes);
        MemorySegment.copy(rows.segment(), 0, stage, 0, bytes);
        device.driver().toDevice(to, stage, bytes, copies);
        device.driver().record(ready, copies);
        device.driver().await(compute, ready);
        return to;
    }

    @Override
    public void close() {
        device.driver().sync(copies);
        pinned.values().forEach(device.driver()::freeHost);
        device.driver().freeEvent(ready);
        device.driver().freeStream(copies);
    }
}
