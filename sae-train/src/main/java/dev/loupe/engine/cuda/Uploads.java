package dev.loupe.engine.cuda;

import dev.loupe.math.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Brings batches to the card: through pinned memory and a stream of its own, where they were not announced to the whole card.
 * Each has two places in turn, so that a batch may come while the step on the one before it runs; nothing is written over
 * before it was read.
 */
final class Uploads implements AutoCloseable {
    private final CudaDevice device;
    private final DeviceMemory memory;
    private final long compute;
    private final Holdings held = new Holdings();
    private final long copies;
    private final Map<String, Place[]> places = new HashMap<>();
    private int turn;

    /** Where a batch lies; {@code ready} when it is on the card, {@code read} when the step on it is done. */
    private final class Place {
        final String name;
        final long ready = device.driver().newEvent();
        final long read = device.driver().newEvent();

        @Nullable MemorySegment pinned;

        Place(String name) {
            this.name = name;
            held.add(() -> {
                if (pinned != null) {
                    device.driver().freeHost(pinned);
                }
            });
            held.add(() -> device.driver().freeEvent(ready));
            held.add(() -> device.driver().freeEvent(read));
        }

        long put(Matrix rows) {
            long bytes = rows.segment().byteSize();
            CudaDriver driver = device.driver();
            driver.syncEvent(ready); // what was in the pinned memory is on the card
            MemorySegment stage = pinned;
            if (stage == null || stage.byteSize() < bytes) {
                pinned = null;
                if (stage != null) {
                    driver.freeHost(stage);
                }
                stage = driver.allocateHost(bytes);
                pinned = stage;
            }
            long to = memory.need(name, bytes);
            DeviceMemory.copy(rows.segment(), stage);
            driver.await(copies, read);
            driver.toDevice(to, stage, bytes, copies);
            driver.record(ready, copies);
            driver.await(compute, ready);
            return to;
        }
    }

    Uploads(CudaDevice device, DeviceMemory memory, long compute) {
        this.device = device;
        this.memory = memory;
        this.compute = compute;
        copies = device.driver().newStream();
        held.add(() -> device.driver().freeStream(copies));
    }

    /** The address that rows will have on the card, shared where they were announced, before anything that the stream is told from now on. */
    long put(String name, Matrix rows) {
        long shared = device.shared().find(rows, compute);
        if (shared != 0) {
            return shared;
        }
        Place[] both = places.computeIfAbsent(name, n -> new Place[] {
            new Place("the rows of a batch (" + n + ")"), new Place("the rows of the next batch (" + n + ")")
        });
        return both[turn].put(rows);
    }

    /** Says that the stream has been told all that it shall do with the rows of this step. */
    void used() {
        for (Place[] both : places.values()) {
            device.driver().record(both[turn].read, compute);
        }
        turn = 1 - turn;
    }

    @Override
    public void close() {
        device.driver().sync(copies);
        held.close();
    }
}
