package dev.loupe.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/**
 * Gradients through linear maps: {@code out = Σ g · w} over several w of equal width, in float32 whatever type they are
 * stored in. Their rows are one long inner dimension, in pieces that are added in order; a task takes a panel of columns,
 * copies it piece by piece into its thread's own memory and multiplies it with {@link PanelKernel}. What a row gets depends
 * neither on other rows nor on the number of threads.
 */
public final class TransposedProduct {
    private static final int WIDTH = PanelKernel.WIDTH;
    private static final int HEIGHT = PanelKernel.HEIGHT;
    private static final int GROUPS = 128; // packed at a time: memory does not grow with the length of a text
    private static final int TILE = 8; // groups whose sums stay in the first cache until they are added

    private static final ThreadLocal<Scratch> LEFT = Scratch.perThread();
    private static final ThreadLocal<Scratch> PANEL = Scratch.perThread();
    private static final ThreadLocal<Scratch> SUMS = Scratch.perThread();

    /**
     * One product of the sum.
     *
     * @param g {@code [rows, w.rows]}: the gradient with respect to {@code x · wᵀ}
     */
    public record Term(StoredMatrix w, MemorySegment g) {}

    /** Rows [first, first + n) of a term's matrix; before them come so many of all. */
    private record Piece(Term term, int first, int n, int before) {}

    private TransposedProduct() {}

    /**
     * Computes the sum.
     *
     * @param out {@code [rows, cols]}, overwritten
     */
    public static void run(int rows, MemorySegment out, Term... terms) {
        int cols = terms[0].w.cols();
        long oa = Native.address(out, 4L * rows * cols);
        List<Piece> pieces = new ArrayList<>();
        int inner = 0;
        for (Term t : terms) {
            if (t.w.cols() != cols) {
                throw new IllegalArgumentException(t.w + " is not as wide as " + terms[0].w);
            }
            Native.address(t.w.memory(), 0);
            Native.address(t.g, 4L * rows * t.w.rows());
            int step = Math.ceilDiv(t.w.rows(), Math.ceilDiv(t.w.rows(), StoredProduct.INNER));
            for (int first = 0; first < t.w.rows(); first += step) {
                int n = Math.min(step, t.w.rows() - first);
                pieces.add(new Piece(t, first, n, inner));
                inner += n;
            }
        }
        int groups = Math.ceilDiv(rows, HEIGHT);
        int most = HEIGHT * Math.ceilDiv(groups, Math.ceilDiv(groups, GROUPS));
        for (int from = 0; from < rows; from += most) {
            block(pieces, inner, from, Math.min(most, rows - from), oa, cols);
        }
        Reference.reachabilityFence(out);
        Reference.reachabilityFence(terms);
    }

    private static void block(List<Piece> pieces, int inner, int firstRow, int rows, long out, int cols) {
        int groups = Math.ceilDiv(rows, HEIGHT);
        long left = LEFT.get().address(4L * HEIGHT * groups * inner);
        Team.run(groups, g -> {
            for (Piece p : pieces) {
                int width = p.term.w.rows();
                long from = p.term.g.address() + 4L * ((long) (firstRow + g * HEIGHT) * width + p.first);
                int n = Math.min(HEIGHT, rows - g * HEIGHT);
                LaneTranspose.group(PanelType.FLOAT32, from, 4L * width, n, p.n, place(left, p, g, groups));
            }
        });
        Team.run(Math.ceilDiv(cols, WIDTH), panel -> {
            for (Piece p : pieces) {
                long packed = PANEL.get().address(4L * WIDTH * p.n);
                pack(p, panel * WIDTH, packed);
                for (int g = 0; g < groups; g += TILE) {
                    int count = Math.min(TILE, groups - g);
                    int first = firstRow + g * HEIGHT;
                    int n = Math.min(count * HEIGHT, rows - g * HEIGHT);
                    long to = out + 4L * ((long) first * cols + panel * WIDTH);
                    tile(
                            place(left, p, g, groups),
                            packed,
                            p,
                            count,
                            n,
                            to,
                            cols,
                            Math.min(WIDTH, cols - panel * WIDTH));
                }
            }
        });
    }

    /** {@code [piece][group][row of w][HEIGHT]}. */
    private static long place(long left, Piece p, int group, int groups) {
        return left + 4L * HEIGHT * ((long) p.before * groups + (long) group * p.n);
    }

    /** Columns of a piece's rows, {@code [n][WIDTH]}; those that do not exist are zeros. */
    private static void pack(Piece p, int column, long panel) {
        StoredMatrix w = p.term.w;
        int count = Math.min(WIDTH, w.cols() - column);
        if (count == WIDTH && w.storage() == Storage.FLOAT32) {
            floats(w.address(p.first) + 4L * column, w.rowBytes(), p.n, panel);
            return;
        }
        int block = w.storage().blockValues();
        int from = column / block * block;
        int n = Math.ceilDiv(column + count, block) * block - from;
        if (n == WIDTH) {
            for (int k = 0; k < p.n; k++) {
                w.decode(p.first + k, column, WIDTH, panel + 4L * WIDTH * k);
            }
            return;
        }
        long row = SUMS.get().address(4L * Math.max(n, TILE * HEIGHT * WIDTH));
        for (int k = 0; k < p.n; k++) {
            long to = panel + 4L * WIDTH * k;
            w.decode(p.first + k, from, n, row);
            Native.copy(row + 4L * (column - from), to, 4L * count);
            for (int j = count; j < WIDTH; j++) {
                Native.set(to + 4L * j, 0);
            }
        }
    }

    private static void floats(long from, long stride, int rows, long panel) {
        for (int k = 0; k < rows; k++) {
            for (int j = 0; j < WIDTH; j += Native.L) {
                Native.store(Native.load(from + k * stride + 4L * j), panel + 4L * (k * WIDTH + j));
            }
        }
    }

    private static void tile(long left, long panel, Piece p, int count, int rows, long out, int cols, int width) {
        boolean add = p.before > 0;
        int straight = add || width < WIDTH ? 0 : rows / HEIGHT; // groups whose sums go where they belong
        if (straight > 0) {
            PanelKernel.multiply(PanelType.FLOAT32, left, panel, p.n, out, 4L * cols, straight);
        }
        if (straight < count) {
            long sums = SUMS.get().address(4L * TILE * HEIGHT * WIDTH);
            long rest = left + 4L * HEIGHT * p.n * straight;
            PanelKernel.multiply(PanelType.FLOAT32, rest, panel, p.n, sums, 4L * WIDTH, count - straight);
            for (int r = straight * HEIGHT; r < rows; r++) {
                long sum = sums + 4L * WIDTH * (r - straight * HEIGHT);
                StoredProduct.addRow(sum, out + 4L * r * cols, width, add);
            }
        }
    }
}
