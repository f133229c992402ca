package dev.loupe.bench;

import dev.loupe.math.Parallel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** How fast this machine reads memory that is in no cache, on all threads: the best of a few sweeps. */
final class Bandwidth {
    private static final VectorSpecies<Long> S = LongVector.SPECIES_PREFERRED;
    private static final long BYTES = 256 << 20;
    private static final int PIECES = 256;
    private static final MemorySegment MEMORY =
            Arena.global().allocate(BYTES, 64).fill((byte) 1);

    private static volatile long seen;

    private Bandwidth() {}

    static double gigabytesPerSecond() {
        double best = 0;
        for (int i = 0; i < 4; i++) {
            long start = System.nanoTime();
            Parallel.run(PIECES, p -> seen = sum(p * (BYTES / PIECES), BYTES / PIECES));
            best = Math.max(best, BYTES / (double) (System.nanoTime() - start));
        }
        return best;
    }

    private static long sum(long from, long bytes) {
        LongVector a = LongVector.zero(S);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        long step = S.vectorByteSize();
        for (long at = from; at < from + bytes; at += 4 * step) {
            a = a.add(load(at));
            b = b.add(load(at + step));
            c = c.add(load(at + 2 * step));
            d = d.add(load(at + 3 * step));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }

    private static LongVector load(long at) {
        return LongVector.fromMemorySegment(S, MEMORY, at, ByteOrder.nativeOrder());
    }
}
