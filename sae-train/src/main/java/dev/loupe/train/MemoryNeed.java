package dev.loupe.train;

import com.sun.management.OperatingSystemMXBean;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import java.lang.management.ManagementFactory;

/** How much memory a run will take, compared with what there is before anything is allocated. */
final class MemoryNeed {
    private MemoryNeed() {}

    /** Parameters, two moments and perhaps an average in native memory, a copy of them while a checkpoint is written. */
    static long nativeBytes(TrainConfig c, int d) {
        return multiply(2L * (c.average() > 0 ? 4 : 3) * 2 * Float.BYTES, c.dSae(), d);
    }

    private static int errorBlocks(TrainConfig c) {
        return 1
                + (c.method() == Method.MATRYOSHKA
                        ? c.matryoshka().ends(c.dSae()).size()
                        : 1);
    }

    /** The packed encoder, the batch with its errors, tiles of pre-activations and the (row, latent) pairs. */
    static long heapBytes(TrainConfig c, int d) {
        long packed = multiply(Float.BYTES, c.dSae(), d);
        long rows = multiply((1L + errorBlocks(c)) * Float.BYTES, c.batch(), d);
        long tiles = multiply(Float.BYTES * 64L * dev.loupe.math.Parallel.threads(), c.dSae(), 1);
        long active = c.method().choosesK() ? c.k() + (c.aux() > 0 ? d / 2 : 0) : c.dSae() / 2;
        return Math.addExact(Math.addExact(packed, rows), Math.addExact(tiles, multiply(40, c.batch(), active)));
    }

    private static long multiply(long a, long b, long c) {
        return Math.multiplyExact(Math.multiplyExact(a, b), c);
    }

    /** Refuses a run that does not fit, saying what would. */
    static void check(TrainConfig c, int d) {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        Runtime runtime = Runtime.getRuntime();
        check(c, d, system.getTotalMemorySize(), runtime.maxMemory());
    }

    static void check(TrainConfig c, int d, long machine, long heap) {
        boolean fits;
        String need;
        try {
            fits = nativeBytes(c, d) + heapBytes(c, d) <= machine * 0.9
                    && heapBytes(c, d) <= heap * 0.9
                    && (long) c.batch() * d * errorBlocks(c) < Integer.MAX_VALUE;
            need = Fmt.bytes(nativeBytes(c, d) + heapBytes(c, d));
        } catch (ArithmeticException e) {
            fits = false;
            need = "more memory than can be counted";
        }
        if (!fits) {
            throw new LoupeException(
                    "An SAE of d_sae " + c.dSae() + " on activations of width " + d + " with batches of "
                            + c.batch() + " needs " + need + ", but this machine has " + Fmt.bytes(machine)
                            + " and the Java heap may grow to " + Fmt.bytes(heap)
                            + ": choose a smaller d_sae or batch, or give it more memory.");
        }
    }
}
