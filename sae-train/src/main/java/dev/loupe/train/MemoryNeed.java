package dev.loupe.train;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.MachineMemory;
import dev.loupe.engine.cuda.CudaMemory;
import java.util.List;

/** How much memory a run will take, compared with what there is before anything is allocated. */
final class MemoryNeed {
    private MemoryNeed() {}

    /**
     * Parameters, two moments and perhaps an average in native memory, a copy of them while a checkpoint is written; the
     * packed encoder; gradients where their norm is limited; the decoder packed twice where many latents can be active.
     */
    static long nativeBytes(TrainConfig c, int d) {
        long matrices = 2L * (c.average() > 0 ? 4 : 3) * 2 + 1;
        matrices += c.clip() > 0 ? 2 : 0;
        matrices += c.method().choosesK() ? 0 : 2;
        return multiply(matrices * Float.BYTES, c.dSae(), d);
    }

    private static int errorBlocks(TrainConfig c) {
        return 1
                + (c.method() == Method.MATRYOSHKA
                        ? c.matryoshka().ends(c.dSae()).size()
                        : 1);
    }

    /** The batch with its errors, what threads collect of tiles of rows, and the (row, latent) pairs. */
    static long heapBytes(TrainConfig c, int d) {
        long rows = multiply((1L + errorBlocks(c)) * Float.BYTES, c.batch(), d);
        long revived = c.aux() > 0 ? Math.min(c.auxK() > 0 ? c.auxK() : d / 2, c.dSae()) : 0;
        long active = switch (c.method()) {
            case TOPK, BATCHTOPK, MATRYOSHKA -> c.k() + revived;
            case GATED -> c.dSae() / 2;
            case RELU, PANNEAL, JUMPRELU -> c.dSae() / 8 + 1 + revived; // more than a tenth are dense products
        };
        long tiles = multiply(3L * Float.BYTES * 96 * dev.loupe.math.Parallel.threads(), active, 1);
        return Math.addExact(rows, Math.addExact(tiles, multiply(36, c.batch(), active)));
    }

    /** On a GPU: the state, the batch with its errors, and the (row, latent) pairs. */
    static long gpuBytes(TrainConfig c, int d) {
        long revived = c.aux() > 0 ? Math.max(1, c.auxK() > 0 ? c.auxK() : d / 2) : 0;
        boolean itself = switch (c.method()) {
            case RELU, PANNEAL, JUMPRELU -> true;
            case TOPK, BATCHTOPK, MATRYOSHKA, GATED -> false;
        };
        // of a penalty half at first, and more than a twelfth are dense products where no dead latents can be revived
        long active =
                c.method().choosesK() ? 2L * c.k() + 32 : itself && c.aux() == 0 ? c.dSae() / 12 + 64 : c.dSae() / 2;
        return CudaMemory.need(
                c.dSae(), d, c.batch(), errorBlocks(c) - 1, active, revived, c.average() > 0, c.clip() > 0, itself);
    }

    /** A run on rows of a width. */
    record Run(TrainConfig config, int width) {}

    private static List<Run> of(List<TrainConfig> together, int d) {
        return together.stream().map(c -> new Run(c, d)).toList();
    }

    private static long gpuBytes(List<Run> together) {
        return together.stream().mapToLong(r -> gpuBytes(r.config, r.width)).reduce(0, Math::addExact);
    }

    /** Refuses runs that do not fit on a GPU together. */
    static void check(List<TrainConfig> together, int d, CudaMemory memory) {
        check(of(together, d), memory);
    }

    private static void check(List<Run> together, CudaMemory memory) {
        boolean fits;
        String need;
        try {
            long bytes = gpuBytes(together);
            fits = bytes <= memory.free() * 0.95;
            need = Fmt.bytes(bytes);
        } catch (ArithmeticException e) {
            fits = false;
            need = "more memory than can be counted";
        }
        if (!fits) {
            boolean one = together.size() == 1;
            throw new LoupeException((one ? "An SAE" : together.size() + " SAEs together, the first") + " of d_sae "
                    + together.getFirst().config.dSae() + " on activations of width " + together.getFirst().width
                    + " with batches of " + together.getFirst().config.batch() + (one ? " needs " : " need ") + need
                    + " on the GPU " + memory.card()
                    + ", which has " + Fmt.bytes(memory.free()) + " left: choose a smaller d_sae or batch, "
                    + (one ? "" : "train fewer of them at a time, ")
                    + "stop what else uses it (nvidia-smi), or train with --device cpu.");
        }
    }

    private static long multiply(long a, long b, long c) {
        return Math.multiplyExact(Math.multiplyExact(a, b), c);
    }

    /** Refuses a run that does not fit, saying what would. */
    static void check(TrainConfig c, int d) {
        if (TrainDevice.onGpu()) {
            check(List.of(c), d, TrainDevice.memory());
            return;
        }
        check(c, d, MachineMemory.bytes(), Runtime.getRuntime().maxMemory());
    }

    /** Bytes of runs that are stepped together. */
    static long bytes(List<Run> together) {
        if (TrainDevice.onGpu()) {
            return gpuBytes(together);
        }
        return hostBytes(together);
    }

    static long bytes(List<TrainConfig> together, int d) {
        return bytes(of(together, d));
    }

    /** Whether runs can be stepped together on this machine. */
    static boolean fits(List<Run> together) {
        try {
            if (TrainDevice.onGpu()) {
                return gpuBytes(together) <= TrainDevice.memory().free() * 0.95;
            }
            return fits(together, MachineMemory.bytes(), Runtime.getRuntime().maxMemory());
        } catch (ArithmeticException e) {
            return false;
        }
    }

    static boolean fits(List<TrainConfig> together, int d) {
        return fits(of(together, d));
    }

    /** Whether runs can be stepped together by a process of another machine, without a GPU, that has so much memory and heap. */
    static boolean fits(List<TrainConfig> together, int d, long machine, long heap) {
        return fits(of(together, d), machine, heap);
    }

    private static boolean fits(List<Run> together, long machine, long heap) {
        try {
            long onHeap = 0;
            for (Run r : together) {
                onHeap = Math.addExact(onHeap, heapBytes(r.config, r.width));
            }
            return hostBytes(together) <= machine * 0.9 && onHeap <= heap * 0.9;
        } catch (ArithmeticException e) {
            return false;
        }
    }

    /** Bytes of runs that are stepped together without a GPU. */
    private static long hostBytes(List<Run> together) {
        long sum = 0;
        for (Run r : together) {
            sum = Math.addExact(sum, Math.addExact(nativeBytes(r.config, r.width), heapBytes(r.config, r.width)));
        }
        return sum;
    }

    /** Refuses runs that do not fit together. */
    static void check(List<Run> together) {
        if (TrainDevice.onGpu()) {
            check(together, TrainDevice.memory());
            return;
        }
        together.forEach(r -> check(r.config, r.width));
        if (!fits(together)) {
            throw new LoupeException("These " + together.size() + " SAEs need " + Fmt.bytes(bytes(together))
                    + " together, but this machine has " + Fmt.bytes(MachineMemory.bytes())
                    + " and the Java heap may grow to "
                    + Fmt.bytes(Runtime.getRuntime().maxMemory())
                    + ": train fewer of them at a time, or choose a smaller d_sae or batch.");
        }
    }

    static void check(List<TrainConfig> together, int d) {
        check(of(together, d));
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
