package dev.loupe.engine.cuda;

import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Batches that several sessions of a card take steps on: each is brought there once, by a stream of its own, while the steps
 * on the batch before it run. Told apart by where they lie in the host's memory; nothing is written over before all streams
 * have read it.
 */
final class SharedRows {
    private final CudaDevice device;
    private final Map<Long, Entry> entries = new HashMap<>();
    private long copies;

    /** @param readers for each stream that reads the rows an event behind what it does with them */
    private record Entry(MemorySegment pinned, long address, long ready, Map<Long, Long> readers) {}

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
            entries.remove(rows.segment().address());
            free(entry);
            entry = make(bytes);
            entries.put(rows.segment().address(), entry);
        }
        driver.syncEvent(entry.ready);
        DeviceMemory.copy(rows.segment(), entry.pinned);
        for (long read : entry.readers.values()) {
            driver.await(copies, read);
        }
        driver.toDevice(entry.address, entry.pinned, bytes, copies);
        driver.record(entry.ready, copies);
    }

    private Entry make(long bytes) {
        CudaDriver driver = device.driver();
        Holdings held = new Holdings();
        try {
            MemorySegment pinned = driver.allocateHost(bytes);
            held.add(() -> driver.freeHost(pinned));
            long address = device.allocate("the rows of a batch", bytes);
            held.add(() -> device.free(address, bytes));
            return new Entry(pinned, address, driver.newEvent(), new HashMap<>());
        } catch (RuntimeException e) {
            throw held.after(e);
        }
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

    private void free(@Nullable Entry entry) {
        if (entry != null) {
            device.driver().sync(copies);
            entry.readers.values().forEach(device.driver()::syncEvent);
            device.free(entry.address, entry.pinned.byteSize());
            device.driver().freeHost(entry.pinned);
            device.driver().freeEvent(entry.ready);
            entry.readers.values().forEach(device.driver()::freeEvent);
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

    /** Says that a stream has been told all that it shall do with rows, if they were announced. */
    synchronized void used(Matrix rows, long stream) {
        Entry entry = entries.get(rows.segment().address());
        if (entry != null) {
            device.driver()
                    .record(
                            entry.readers.computeIfAbsent(
                                    stream, s -> device.driver().newEvent()),
                            stream);
        }
    }

    /** A stream ends, and all that it was told is done. */
    synchronized void ended(long stream) {
        for (Entry entry : entries.values()) {
            Long read = entry.readers.remove(stream);
            if (read != null) {
                device.driver().freeEvent(read);
            }
        }
    }
}
