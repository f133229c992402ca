package dev.loupe.map;

import java.util.Arrays;

/**
 * Points of a plane in cells that are cut into four until each holds one point: a far cell acts on a point as if all its
 * points were in their middle (Barnes and Hut, 1986). Built anew for every step in the memory of the last one.
 */
final class QuadTree {
    private static final int DEEPEST = 48; // points nearer than this are one

    private int[] child = new int[0]; // 4 per cell: a cell, or 0 for none; the root is 0 and nobody's child
    private int[] point = new int[0]; // the point of a cell that was not cut, -1 in others
    private int[] count = new int[0];
    private double[] middleX = new double[0];
    private double[] middleY = new double[0];
    private double[] width = new double[0];
    private int cells;

    /** Sorts points, given as x and y in turn, into cells. */
    void build(double[] y) {
        int n = y.length / 2;
        double lowX = Double.POSITIVE_INFINITY;
        double lowY = Double.POSITIVE_INFINITY;
        double size = 0;
        for (int i = 0; i < n; i++) {
            lowX = Math.min(lowX, y[2 * i]);
            lowY = Math.min(lowY, y[2 * i + 1]);
        }
        for (int i = 0; i < n; i++) {
            size = Math.max(size, Math.max(y[2 * i] - lowX, y[2 * i + 1] - lowY));
        }
        cells = 0;
        cell(size * (1 + 1e-9));
        for (int i = 0; i < n; i++) {
            insert(i, y, lowX, lowY, size * (1 + 1e-9));
        }
        for (int c = 0; c < cells; c++) {
            middleX[c] /= count[c];
            middleY[c] /= count[c];
        }
    }

    private int cell(double w) {
        if (cells == count.length) {
            int more = Math.max(64, 2 * cells);
            child = Arrays.copyOf(child, 4 * more);
            point = Arrays.copyOf(point, more);
            count = Arrays.copyOf(count, more);
            middleX = Arrays.copyOf(middleX, more);
            middleY = Arrays.copyOf(middleY, more);
            width = Arrays.copyOf(width, more);
        }
        Arrays.fill(child, 4 * cells, 4 * cells + 4, 0);
        point[cells] = -1;
        count[cells] = 0;
        middleX[cells] = 0;
        middleY[cells] = 0;
        width[cells] = w;
        return cells++;
    }

    private void insert(int i, double[] y, double lowX, double lowY, double size) {
        double x = y[2 * i];
        double z = y[2 * i + 1];
        int c = 0;
        double left = lowX;
        double bottom = lowY;
        double w = size;
        for (int depth = 0; ; depth++) {
            boolean empty = count[c] == 0;
            int guest = point[c];
            int guests = count[c];
            count[c]++;
            middleX[c] += x;
            middleY[c] += z;
            if (empty || depth == DEEPEST) {
                point[c] = depth == DEEPEST && !empty ? guest : i;
                return;
            }
            w /= 2;
            if (guest >= 0) { // cut: who lived here alone moves down
                point[c] = -1;
                int below = down(c, y[2 * guest], y[2 * guest + 1], left, bottom, w);
                point[below] = guest;
                count[below] = guests;
                middleX[below] = guests * y[2 * guest];
                middleY[below] = guests * y[2 * guest + 1];
            }
            int next = down(c, x, z, left, bottom, w);
            left += x >= left + w ? w : 0;
            bottom += z >= bottom + w ? w : 0;
            c = next;
        }
    }

    private int down(int c, double x, double z, double left, double bottom, double w) {
        int quarter = (x >= left + w ? 1 : 0) + (z >= bottom + w ? 2 : 0);
        int known = child[4 * c + quarter];
        if (known != 0) {
            return known;
        }
        int made = cell(w);
        child[4 * c + quarter] = made;
        return made;
    }

    /**
     * What all points do to one of them.
     *
     * @param theta cells whose width is below theta times their distance count as one point; 0 for none
     * @param out gets Σ q² (y_i − y_j) in x and y, and Σ q, with q = 1 / (1 + |y_i − y_j|²) over all other points
     * @param stack room for cells still to look at; grows where it must, the grown one is returned
     */
    int[] repulsion(int i, double[] y, double theta, double[] out, int[] stack) {
        double x = y[2 * i];
        double z = y[2 * i + 1];
        double fx = 0;
        double fz = 0;
        double sum = 0;
        double theta2 = theta * theta;
        int[] todo = stack;
        int top = 0;
        todo[top++] = 0;
        while (top > 0) {
            int c = todo[--top];
            double dx = x - middleX[c];
            double dz = z - middleY[c];
            double d2 = dx * dx + dz * dz;
            boolean whole = point[c] >= 0;
            if (whole || width[c] * width[c] < theta2 * d2) {
                int others = whole && d2 == 0 ? count[c] - 1 : count[c]; // itself is no other
                double q = 1 / (1 + d2);
                sum += others * q;
                fx += others * q * q * dx;
                fz += others * q * q * dz;
                continue;
            }
            if (top + 4 > todo.length) {
                todo = Arrays.copyOf(todo, 2 * todo.length);
            }
            for (int quarter = 3; quarter >= 0; quarter--) {
                int below = child[4 * c + quarter];
                if (below != 0) {
                    todo[top++] = below;
                }
            }
        }
        out[0] = fx;
        out[1] = fz;
        out[2] = sum;
        return todo;
    }
}
