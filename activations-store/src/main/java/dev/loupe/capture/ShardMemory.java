package dev.loupe.capture;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;

/** Says before the work that a shard of so many rows as were asked for does not fit into memory. */
final class ShardMemory {
    private ShardMemory() {}

    /** Bytes of the rows of the largest shard while it is made: float32, all hook points. */
    static long needed(CaptureRequest request, CapturePlan plan) {
        long row = plan.spec().hooks().values().stream()
                .mapToLong(h -> (long) Float.BYTES * h.width())
                .sum();
        return row * Math.min(request.tokens(), plan.shardRows());
    }

    /**
     * Compares that with what there is.
     *
     * @throws LoupeException if it is more
     */
    static void check(CaptureRequest request, CapturePlan plan, long memory) {
        long needed = needed(request, plan);
        if (needed > memory) {
            throw new LoupeException("A shard of " + plan.shardRows() + " rows takes " + Fmt.bytes(needed)
                    + " of memory while it is made, but this machine has " + Fmt.bytes(memory)
                    + ": ask for fewer --shard-rows, or for fewer hook points.");
        }
    }
}
