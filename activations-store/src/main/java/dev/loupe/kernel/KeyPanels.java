package dev.loupe.kernel;

import static dev.loupe.kernel.TileKernel.WIDTH;

/** Keys and values of one head, rearranged for {@link TileKernel}, and the products of up to four queries with them. */
final class KeyPanels {
    private KeyPanels() {}

    /**
     * For products with every key: panels {@code [WIDTH keys][dHead]} transposed; keys that do not exist are zeros.
     *
     * @param rows address of the first key, others are {@code step} bytes apart
     */
    static void across(long rows, long step, int keys, int dHead, long panels) {
        int padded = Math.ceilDiv(keys, WIDTH) * WIDTH;
        for (int i = 0; i < padded; i++) {
            long to = panels + 4L * ((long) (i / WIDTH) * WIDTH * dHead + i % WIDTH);
            long row = rows + i * step;
            for (int c = 0; c < dHead; c++) {
                Native.set(to + 4L * c * WIDTH, i < keys ? Native.get(row + 4L * c) : 0);
            }
        }
    }

    /** For sums over keys: panels {@code [padded keys][WIDTH]} of the head's columns, as they lie. */
    static void along(long rows, long step, int keys, int dHead, int padded, long panels) {
        for (int p = 0; p * WIDTH < dHead; p++) {
            int width = Math.min(WIDTH, dHead - p * WIDTH);
            for (int i = 0; i < keys; i++) {
                long to = panels + 4L * ((long) p * padded + i) * WIDTH;
                Native.copy(rows + i * step + 4L * p * WIDTH, to, 4L * width);
                for (int c = width; c < WIDTH; c++) {
                    Native.set(to + 4L * c, 0);
                }
            }
        }
    }

    /**
     * {@code out[i][j] = x[i] · key[j]} for the keys of some panels.
     *
     * @param x address of the first of {@code count} rows, {@code width} bytes apart
     * @param panels from {@link #across}
     * @param out rows {@code step} bytes apart; four are written, those that do not exist repeat the last
     */
    static void products(
            long x, long width, int count, long panels, int dHead, int fromPanel, int toPanel, long out, long step) {
        for (int p = fromPanel; p < toPanel; p++) {
            long o = out + 4L * p * WIDTH;
            TileKernel.multiply(
                    x,
                    x + Math.min(1, count - 1) * width,
                    x + Math.min(2, count - 1) * width,
                    x + Math.min(3, count - 1) * width,
                    panels + 4L * p * WIDTH * dHead,
                    dHead,
                    o,
                    o + step,
                    o + 2 * step,
                    o + 3 * step);
        }
    }

    /**
     * {@code out[i] = Σ p[i][j] row[j]} over the keys [from, end).
     *
     * @param p address of the first of {@code count} rows, {@code ps} bytes apart
     * @param panels from {@link #along}
     * @param tile memory for {@code [4][WIDTH]}
     * @param out {@code [count][dHead]}, rows {@code step} bytes apart
     */
    static void sums(
            long p,
            long ps,
            int count,
            long panels,
            int padded,
            int from,
            int end,
            int dHead,
            long tile,
            long out,
            long step) {
        long p0 = p + 4L * from;
        for (int panel = 0; panel * WIDTH < dHead; panel++) {
            TileKernel.multiply(
                    p0,
                    p0 + Math.min(1, count - 1) * ps,
                    p0 + Math.min(2, count - 1) * ps,
                    p0 + Math.min(3, count - 1) * ps,
                    panels + 4L * ((long) panel * padded + from) * WIDTH,
                    end - from,
                    tile,
                    tile + 4L * WIDTH,
                    tile + 8L * WIDTH,
                    tile + 12L * WIDTH);
            for (int i = 0; i < count; i++) {
                long bytes = 4L * Math.min(WIDTH, dHead - panel * WIDTH);
                Native.copy(tile + 4L * i * WIDTH, out + i * step + 4L * panel * WIDTH, bytes);
            }
        }
    }
}
