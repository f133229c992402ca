package dev.loupe.kernel;

/**
 * Products of many rows by {@link PanelKernel}: rows of x are packed once for all matrices, each task packs one panel of the
 * weights into its thread's own memory and multiplies rows with it. Sums run in pieces of the inner dimension, which are
 * added in order.
 */
final class PanelProduct {
    private static final int WIDTH = PanelKernel.WIDTH;
    private static final int HEIGHT = PanelKernel.HEIGHT;
    private static final int GROUPS = 128; // packed at a time: memory does not grow with the length of a text
    private static final int TASKS = 16; // a thread: what others wait for at the end is one of so many parts
    private static final int TILE = 8; // groups whose sums stay in the first cache until they are added

    private static final ThreadLocal<Scratch> LEFT = Scratch.perThread();
    private static final ThreadLocal<Scratch> PANEL = Scratch.perThread();
    private static final ThreadLocal<Scratch> DECODED = Scratch.perThread();
    private static final ThreadLocal<Scratch> SUMS = Scratch.perThread();

    /** {@code out = x · wᵀ + bias}; addresses as in {@link StoredProduct}, 0 for no bias. */
    record Target(StoredMatrix w, long bias, long out) {}

    private final PanelType type;
    private final int cols;
    private final int mostGroups;
    private final int steps;
    private final int pieces;
    private final int piece; // lanes

    /** Products of this type with matrices of so many columns. */
    PanelProduct(PanelType type, int cols) {
        this(type, cols, GROUPS);
    }

    /** With at most so many groups of rows packed at a time. */
    PanelProduct(PanelType type, int cols, int mostGroups) {
        this.type = type;
        this.mostGroups = mostGroups;
        this.cols = cols;
        this.steps = type.steps(cols);
        this.pieces = Math.ceilDiv(steps, StoredProduct.INNER);
        this.piece = Math.ceilDiv(steps, pieces);
    }

    void run(long x, int rows, Target... targets) {
        int groups = Math.ceilDiv(rows, HEIGHT);
        int most =
                HEIGHT * Math.ceilDiv(groups, Math.ceilDiv(groups, mostGroups)); // equal parts: each packs all weights
        for (int from = 0; from < rows; from += most) {
            block(x + 4L * from * cols, from, Math.min(most, rows - from), targets);
        }
    }

    private void block(long x, int firstRow, int rows, Target[] targets) {
        int groups = Math.ceilDiv(rows, HEIGHT);
        long left = LEFT.get().address(4L * HEIGHT * groups * steps);
        Team.run(groups, g -> packGroup(x, rows, g, groups, left));
        multiply(left, groups, firstRow, rows, targets);
    }

    /** All panels of all matrices in one run: the threads meet once, and few tasks are left when the first one is idle. */
    private void multiply(long left, int groups, int firstRow, int rows, Target[] targets) {
        int[] firstPanel = new int[targets.length + 1];
        for (int i = 0; i < targets.length; i++) {
            firstPanel[i + 1] = firstPanel[i] + Math.ceilDiv(targets[i].w.rows(), WIDTH);
        }
        int panels = firstPanel[targets.length];
        int wanted = Math.ceilDiv(TASKS * Team.threads(), panels);
        int chunks = Math.clamp(wanted, 1, Math.ceilDiv(groups, TILE));
        int perChunk = Math.ceilDiv(groups, chunks);
        Team.run(panels * chunks, task -> {
            int number = task / chunks;
            int target = 0;
            while (number >= firstPanel[target + 1]) {
                target++;
            }
            Target t = targets[target];
            int from = task % chunks * perChunk;
            int to = Math.min(groups, from + perChunk);
            if (from < to) {
                int output = (number - firstPanel[target]) * WIDTH;
                long panel = PANEL.get().address(4L * WIDTH * steps);
                packPanel(t.w, output, panel);
                long out = t.out + 4L * firstRow * t.w.rows();
                for (int g = from; g < to; g += TILE) {
                    tile(left, g, Math.min(TILE, to - g), groups, rows, panel, t.w.rows(), output, t.bias, out);
                }
            }
        });
    }

    private int lanes(int p) {
        return Math.min(piece, steps - p * piece);
    }

    /** Where the lanes of a group begin in a piece: {@code [piece][group][lanes][HEIGHT]}. */
    private long place(long left, int p, int group, int groups) {
        return left + 4L * HEIGHT * ((long) p * piece * groups + (long) group * lanes(p));
    }

    private void packGroup(long x, int rows, int group, int groups, long left) {
        int r = group * HEIGHT;
        for (int p = 0; p < pieces; p++) {
            int first = p * piece * type.perLane();
            int n = Math.min(cols - first, lanes(p) * type.perLane());
            long from = x + 4L * ((long) r * cols + first);
            LaneTranspose.group(type, from, 4L * cols, Math.min(HEIGHT, rows - r), n, place(left, p, group, groups));
        }
    }

    /** A panel {@code [steps][WIDTH]} of lanes; outputs that do not exist are zeros. */
    private void packPanel(StoredMatrix w, int output, long panel) {
        int count = Math.min(WIDTH, w.rows() - output);
        for (int j = count; j < WIDTH; j++) {
            Packing.none(type, w.cols(), panel + 4L * j, 4L * WIDTH);
        }
        boolean asTheyLie = w.storage() == Storage.FLOAT32 && type == PanelType.FLOAT32
                || w.storage() == Storage.BFLOAT16 && type == PanelType.BFLOAT16 && w.cols() % 2 == 0;
        if (asTheyLie) {
            LaneTranspose.panel(w.address(output), w.rowBytes(), count, steps, panel);
            return;
        }
        if (type == PanelType.FLOAT32) {
            long rows = DECODED.get().address(4L * LaneTranspose.SIDE * w.cols());
            for (int j = 0; j < count; j += LaneTranspose.SIDE) {
                int n = Math.min(LaneTranspose.SIDE, count - j);
                for (int i = 0; i < n; i++) {
                    w.decode(output + j + i, 0, w.cols(), rows + 4L * i * w.cols());
                }
                LaneTranspose.panel(rows, 4L * w.cols(), n, steps, panel + 4L * j);
            }
            return;
        }
        long decoded = DECODED.get().address(4L * w.cols());
        for (int j = 0; j < count; j++) {
            w.decode(output + j, 0, w.cols(), decoded);
            Packing.row(type, decoded, w.cols(), 1, panel + 4L * j, 4L * WIDTH);
        }
    }

    private void tile(
            long left,
            int group,
            int count,
            int groups,
            int rows,
            long panel,
            int outputs,
            int output,
            long bias,
            long out) {
        int width = Math.min(WIDTH, outputs - output);
        long sums = SUMS.get().address(4L * TILE * HEIGHT * WIDTH);
        int first = group * HEIGHT;
        int n = Math.min(rows - first, count * HEIGHT);
        int straight = width == WIDTH ? n / HEIGHT : 0; // groups whose first sums go where they belong
        long to = out + 4L * ((long) first * outputs + output);
        for (int p = 0; p < pieces; p++) {
            long from = place(left, p, group, groups);
            long weights = panel + 4L * WIDTH * p * piece;
            int done = 0;
            if (p == 0 && straight > 0) {
                PanelKernel.multiply(type, from, weights, lanes(p), to, 4L * outputs, straight);
                done = straight;
            }
            if (done < count) {
                long rest = from + 4L * HEIGHT * lanes(p) * done;
                PanelKernel.multiply(type, rest, weights, lanes(p), sums, 4L * WIDTH, count - done);
                for (int r = done * HEIGHT; r < n; r++) {
                    long sum = sums + 4L * (r - done * HEIGHT) * WIDTH;
                    StoredProduct.addRow(sum, to + 4L * r * outputs, width, p > 0);
                }
            }
        }
        for (int r = 0; bias != 0 && r < n; r++) {
            StoredProduct.addRow(bias + 4L * output, to + 4L * r * outputs, width, true);
        }
    }
}
