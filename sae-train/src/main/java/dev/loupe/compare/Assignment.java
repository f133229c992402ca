package dev.loupe.compare;

import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * An exact solution of the linear assignment problem on a dense matrix: every row of the shorter side gets a partner of
 * its own, so that the total is largest. Shortest augmenting paths (Jonker and Volgenant 1987, rectangular form after
 * Crouse 2016) from a greedy start, in double precision; O(rows² · columns) in the worst case.
 *
 * <p>The prices of the columns prove how good the result is to anybody, whatever the solver did: see {@link #gap}.
 */
final class Assignment {
    private final float[][] value;
    private final int rows;
    private final int cols;
    private final int[] columnOf;
    private final int[] rowOf;
    private final double[] u; // prices in the minimising form: u[i] + v[j] <= -value[i][j]
    private final double[] v; // never above 0, and 0 for a column without a row

    private Assignment(float[][] value, int cols) {
        this.value = value;
        this.rows = value.length;
        this.cols = cols;
        this.columnOf = new int[rows];
        this.rowOf = new int[cols];
        this.u = new double[rows];
        this.v = new double[cols];
        Arrays.fill(columnOf, -1);
        Arrays.fill(rowOf, -1);
    }

    /**
     * Maximises the total.
     *
     * @param value [rows][columns], finite, at most as many rows as columns
     * @param assigned is told how many rows have a partner, now and then; may throw to stop
     */
    static Assignment maximise(float[][] value, int columns, IntConsumer assigned) {
        if (value.length > columns) {
            throw new IllegalArgumentException(value.length + " rows for " + columns + " columns");
        }
        Assignment a = new Assignment(value, columns);
        int done = a.startGreedily();
        a.augmentAll(done, assigned);
        return a;
    }

    /** The partner of every row. */
    int[] columns() {
        return columnOf.clone();
    }

    /** The total value of the pairs. */
    double total() {
        double total = 0;
        for (int i = 0; i < rows; i++) {
            total += value[i][columnOf[i]];
        }
        return total;
    }

    /**
     * A proven bound on what the total lacks to the best one, as a share of the bound. With prices w ≥ 0 of the columns,
     * no assignment is worth more than Σ_j w_j + Σ_i max_j (value_ij − w_j) (weak duality); the prices are taken as
     * given and the maxima computed afresh, so a wrong solver cannot hide.
     */
    double gap() {
        return gap(value, cols, v, total());
    }

    static double gap(float[][] value, int cols, double[] minimisingPrices, double total) {
        double[] w = new double[cols];
        double bound = 0;
        for (int j = 0; j < cols; j++) {
            w[j] = Math.max(0, -minimisingPrices[j]);
            bound += w[j];
        }
        for (float[] row : value) {
            double best = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < cols; j++) {
                best = Math.max(best, row[j] - w[j]);
            }
            bound += best;
        }
        return value.length == 0 ? 0 : Math.max(0, (bound - total) / Math.max(Math.abs(bound), 1e-12));
    }

    double[] prices() {
        return v.clone();
    }

    /** Every row takes its best column if that is free; prices stay feasible and pairs tight. */
    private int startGreedily() {
        int done = 0;
        for (int i = 0; i < rows; i++) {
            float[] row = value[i];
            int best = 0;
            for (int j = 1; j < cols; j++) {
                best = row[j] > row[best] ? j : best;
            }
            u[i] = -(double) row[best];
            if (rowOf[best] < 0) {
                rowOf[best] = i;
                columnOf[i] = best;
                done++;
            }
        }
        return done;
    }

    private void augmentAll(int done, IntConsumer assigned) {
        double[] distance = new double[cols];
        int[] from = new int[cols];
        int[] remaining = new int[cols];
        int[] reachedRows = new int[rows];
        int count = done;
        assigned.accept(count);
        for (int i = 0; i < rows; i++) {
            if (columnOf[i] < 0) {
                augment(i, distance, from, remaining, reachedRows);
                count++;
                if (count % 16 == 0) {
                    assigned.accept(count);
                }
            }
        }
        assigned.accept(rows);
    }

    /** One shortest path from a free row to a free column in reduced costs, then the swap along it. */
    private void augment(int start, double[] distance, int[] from, int[] remaining, int[] reachedRows) {
        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        for (int j = 0; j < cols; j++) {
            remaining[j] = j;
        }
        int open = cols;
        int reached = 0;
        double shortest = 0;
        int i = start;
        int sink = -1;
        while (sink < 0) {
            reachedRows[reached++] = i;
            float[] row = value[i];
            double base = shortest - u[i];
            double lowest = Double.POSITIVE_INFINITY;
            int at = -1;
            for (int k = 0; k < open; k++) {
                int j = remaining[k];
                double d = base - row[j] - v[j];
                if (d < distance[j]) {
                    distance[j] = d;
                    from[j] = i;
                }
                // among equals a free column ends the search at once
                if (distance[j] < lowest || (distance[j] == lowest && rowOf[j] < 0)) {
                    lowest = distance[j];
                    at = k;
                }
            }
            shortest = lowest;
            int j = remaining[at];
            remaining[at] = remaining[--open];
            remaining[open] = j; // reached columns gather at the end
            if (rowOf[j] < 0) {
                sink = j;
            } else {
                i = rowOf[j];
            }
        }
        u[start] += shortest;
        for (int r = 1; r < reached; r++) {
            int row = reachedRows[r];
            u[row] += shortest - distance[columnOf[row]];
        }
        for (int k = open; k < cols; k++) {
            int j = remaining[k];
            v[j] -= shortest - distance[j];
        }
        for (int j = sink; ; ) {
            int row = from[j];
            rowOf[j] = row;
            int next = columnOf[row];
            columnOf[row] = j;
            if (row == start) {
                return;
            }
            j = next;
        }
    }
}
