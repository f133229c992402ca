package dev.loupe.engine.cuda;

import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Batches that several sessions of a card take steps on: each is brought there once, by a stream of its own, while the steps
 * on the batch before it run. Told apart by where they lie in the host's memory.
 */
final class SharedRows {
    private final CudaDevice device;
    private final Map<Long, Entry> entries = new HashMap<>();
    private long copies;

    private record Entry(MemorySegment pinned, long address, long ready) {}

    SharedRows(CudaDevice device) {
        this.device = device;
    }

    /** Begins to bring rows to the card; the memory that they are in may change when this returns. */
    synchronized void announce(Matrix rows) {
        device.use();
        CudaDriver driver = device.driver();
        if (copies == 0) {
            copies = driver.newStream();
        }
        long bytes = rows.segment().byteSize();
        Entry entry = entries.get(rows.segment().address());
        if (entry == null || entry.pinned.byteSize() < bytes) {
            free(entry);
            long address = device.allocate("the rows of a batch", bytes);
            entry = new Entry(driver.allocateHost(bytes), address, driver.newEvent());
            entries.put(rows.segment().address(), entry);
        }
        MemorySegment.copy(rows.segment(), 0, entry.pinned, 0, bytes);
        driver.toDevice(entry.address, entry.pinned, bytes, copies);
        driver.record(entry.ready, copies);
    }

    /** Gives the memory back. */
    synchronized void forget(Matrix rows) {
        device.use();
        free(entries.remove(rows.segment().address()));
        if (entries.isEmpty() && copies != 0) {
            device.driver().freeStream(copies);
            copies = 0;
        }
    }

    private void free(@org.jspecify.annotations.Nullable Entry entry) {
        if (entry != null) {
            device.driver().sync(copies);
            device.driver().free(entry.address);
            device.driver().freeHost(entry.pinned);
            device.driver().freeEvent(entry.ready);
        }
    }

    /** Where announced rows lie for what a stream is told from now on; 0 if they were not. */
    synchronized long find(Matrix rows, long stream) {
        Entry entry = entries.get(rows.segment().address());
        if (entry == null || entry.pinned.byteSize() != rows.segment().byteSize()) {
            return 0;
        }
        device.driver().await(stream, entry.ready);
        return entry.address;
    }
}
