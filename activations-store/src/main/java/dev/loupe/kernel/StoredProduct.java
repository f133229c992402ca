package dev.loupe.kernel;

import static dev.loupe.kernel.TileKernel.WIDTH;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Products with stored weights, in float32: sums of exact float32 values, whatever type the weights have.
 *
 * <p>Few rows are dot products that read the weights once, where they lie. Many rows go through panels: blocks of weights
 * are decoded and rearranged for {@link PanelKernel} or {@link TileKernel} first, which costs as much as one or two rows.
 * Matrices that say so ({@link StoredMatrix#products}) have both sides rounded to bfloat16 there, sums in float32 all the
 * same. Inner dimensions are cut into pieces, whose sums are added, so that rounding errors do not grow with the width. A result depends on neither
 * the number of threads nor, within one of the two ways, on the number of rows.
 */
public final class StoredProduct {
    /** Rows up to which weights are read as they lie. */
    static final int FEW = 8;

    static final int INNER = 384; // a piece of the inner dimension
    private static final long PACKED_FLOATS = 1L << 20; // weights packed at a time; they stay in the last cache
    private static final int ROWS = 128; // of one task

    private static final ThreadLocal<Scratch> PACKED = Scratch.perThread();
    private static final ThreadLocal<Scratch> DECODED = Scratch.perThread();
    private static final ThreadLocal<Scratch> EDGE = Scratch.perThread();

    private StoredProduct() {}

    /**
     * One of several products with the same left side.
     *
     * @param w the right side, {@code [w.rows, w.columns]}
     * @param bias {@code [w.rows]}, or null
     * @param out {@code [rows, w.rows]}, overwritten
     */
    public record Part(StoredMatrix w, @Nullable MemorySegment bias, MemorySegment out) {
        long outAddress(int rows) {
            return Native.address(out, 4L * rows * w.rows());
        }

        long biasAddress() {
            return bias == null ? 0 : Native.address(bias, 4L * w.rows());
        }
    }

    /**
     * {@code out = x · wᵀ + bias} for several w of equal width: for few rows in one go, which saves the threads from
     * meeting after each. Every result has the bits that it has alone.
     *
     * @param x {@code [rows, w.cols]}
     */
    public static void multiply(MemorySegment x, int rows, Part... parts) {
        int cols = parts[0].w.cols();
        long xa = Native.address(x, 4L * rows * cols);
        for (Part p : parts) {
            if (p.w.cols() != cols) {
                throw new IllegalArgumentException(p.w + " is not as wide as " + parts[0].w);
            }
            Native.address(p.w.memory(), 0);
        }
        if (rows <= FEW) {
            FewRows.run(xa, rows, parts);
        } else {
            for (PanelType type : PanelType.values()) {
                Part[] same =
                        Arrays.stream(parts).filter(p -> p.w.products() == type).toArray(Part[]::new);
                if (same.length > 0) {
                    many(xa, rows, type, same);
                }
            }
        }
        Reference.reachabilityFence(x);
        Reference.reachabilityFence(parts);
    }

    private static void many(long x, int rows, PanelType type, Part... parts) {
        if (type == PanelType.BFLOAT16 || PanelKernel.machine(type)) {
            new PanelProduct(type, parts[0].w.cols())
                    .run(
                            x,
                            rows,
                            Arrays.stream(parts)
                                    .map(p -> new PanelProduct.Target(p.w, p.biasAddress(), p.outAddress(rows)))
                                    .toArray(PanelProduct.Target[]::new));
        } else { // the same bits
            for (Part p : parts) {
                many(x, rows, p.w, p.biasAddress(), p.outAddress(rows));
            }
        }
    }

    /**
     * {@code out = x · wᵀ + bias}.
     *
     * @param x {@code [rows, w.cols]}
     * @param bias {@code [w.rows]}, or null
     * @param out {@code [rows, w.rows]}, overwritten
     */
    public static void multiply(
            MemorySegment x, int rows, StoredMatrix w, @Nullable MemorySegment bias, MemorySegment out) {
        multiply(x, rows, new Part(w, bias, out));
    }

    /** x · wᵀ; a part of the outputs at a time, whose weights stay in the cache. */
    static void many(long x, int rows, StoredMatrix w, long bias, long out) {
        int inner = w.cols();
        int outputs = w.rows();
        int panels = Math.ceilDiv(outputs, WIDTH);
        int atOnce = (int) Math.max(1, Math.min(panels, PACKED_FLOATS / ((long) inner * WIDTH)));
        long panelBytes = 4L * inner * WIDTH;
        long packed = PACKED.get().address(atOnce * panelBytes);
        int chunks = Math.ceilDiv(rows, ROWS);
        for (int first = 0; first < panels; first += atOnce) {
            int base = first;
            int count = Math.min(atOnce, panels - first);
            Team.run(count, p -> pack(w, (base + p) * WIDTH, packed + p * panelBytes));
            Team.run(count * chunks, task -> {
                int panel = task / chunks;
                int from = task % chunks * ROWS;
                tiles(
                        x,
                        from,
                        Math.min(rows, from + ROWS),
                        inner,
                        packed + panel * panelBytes,
                        (base + panel) * WIDTH,
                        outputs,
                        bias,
                        out);
            });
        }
    }

    /** A panel {@code [inner][WIDTH]}; outputs that do not exist are zeros. */
    private static void pack(StoredMatrix w, int output, long panel) {
        int count = Math.min(WIDTH, w.rows() - output);
        int n = w.cols();
        boolean floats = w.storage() == Storage.FLOAT32;
        long decoded = floats ? 0 : DECODED.get().address(4L * n);
        for (int j = 0; j < WIDTH; j++) {
            if (j >= count) {
                for (int k = 0; k < n; k++) {
                    Native.set(panel + 4L * ((long) k * WIDTH + j), 0);
                }
                continue;
            }
            long row = decoded;
            if (floats) {
                row = w.address(output + j);
            } else {
                w.decode(output + j, 0, n, decoded);
            }
            long to = panel + 4L * j;
            for (int k = 0; k < n; k++, to += 4L * WIDTH) {
                Native.set(to, Native.get(row + 4L * k));
            }
        }
    }

    /** Rows [from, to) times one panel. */
    private static void tiles(
            long x, int from, int to, int inner, long panel, int output, int outputs, long bias, long out) {
        int width = Math.min(WIDTH, outputs - output);
        boolean whole = width == WIDTH;
        long edge = EDGE.get().address(16L * WIDTH);
        int pieces = Math.ceilDiv(inner, INNER);
        int step = Math.ceilDiv(inner, pieces);
        for (int k = 0; k < inner; k += step) {
            int n = Math.min(step, inner - k);
            boolean add = k > 0;
            long w = panel + 4L * k * WIDTH;
            for (int r = from; r < to; r += 4) {
                int count = Math.min(4, to - r);
                long x0 = x + 4L * ((long) r * inner + k);
                long xs = 4L * inner;
                long o0 = out + 4L * ((long) r * outputs + output);
                long os = 4L * outputs;
                if (count == 4 && whole && !add) {
                    TileKernel.multiply(
                            x0, x0 + xs, x0 + 2 * xs, x0 + 3 * xs, w, n, o0, o0 + os, o0 + 2 * os, o0 + 3 * os);
                } else { // through a tile of its own; rows that do not exist repeat the last one
                    long e = edge + 4L * WIDTH;
                    TileKernel.multiply(
                            x0,
                            x0 + Math.min(1, count - 1) * xs,
                            x0 + Math.min(2, count - 1) * xs,
                            x0 + Math.min(3, count - 1) * xs,
                            w,
                            n,
                            edge,
                            e,
                            e + 4L * WIDTH,
                            e + 8L * WIDTH);
                    for (int i = 0; i < count; i++) {
                        addRow(edge + 4L * i * WIDTH, o0 + i * os, width, add);
                    }
                }
            }
        }
        if (bias != 0) {
            for (int r = from; r < to; r++) {
                addRow(bias + 4L * output, out + 4L * ((long) r * outputs + output), width, true);
            }
        }
    }

    static void addRow(long from, long to, int n, boolean add) {
        int i = 0;
        for (int end = n - Native.L; i <= end; i += Native.L) {
            var v = Native.load(from + 4L * i);
            Native.store(add ? Native.load(to + 4L * i).add(v) : v, to + 4L * i);
        }
        for (; i < n; i++) {
            float v = Native.get(from + 4L * i);
            Native.set(to + 4L * i, add ? Native.get(to + 4L * i) + v : v);
        }
    }
}
