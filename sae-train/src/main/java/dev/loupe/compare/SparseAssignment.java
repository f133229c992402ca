package dev.loupe.compare;

import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * An exact solution of the assignment problem on listed pairs: rows get columns of their own so that the total is
 * largest. Shortest augmenting paths with a heap (Jonker and Volgenant's sparse variant) in double precision. A row may
 * also stay alone at a given worth, so that there is always a solution.
 *
 * <p>At the end, prices w ≥ 0 of the columns and u of the rows fulfil u_i + w_j ≥ value_ij for all listed pairs, with
 * equality for the chosen ones, and a column without a row has the price it began with.
 */
final class SparseAssignment {
    private static final double SLACK = 1e-11;

    private final EdgeList.ByRow edges;
    private final double[] alone; // worth of a row without a column
    private final int n;
    private final int m;
    final int[] columnOf;
    final int[] rowOf;
    final double[] u;
    final double[] w;

    // one search
    private final double[] distance;
    private final int[] from;
    private final int[] heap;
    private final int[] place; // in the heap, −1 outside, −2 left it
    private final int[] touched;
    private final int[] popped;
    private final int[] scanned;
    private final double[] scannedAt;
    private int heapSize;

    /**
     * Sets the problem.
     *
     * @param alone worth of a row without a column, minus infinity where every row must have one
     * @param prices what the columns cost at the beginning
     * @param start columns that rows had at these prices, −1 for none; kept where they are still best
     */
    SparseAssignment(EdgeList.ByRow edges, int columns, double[] alone, double[] prices, int[] start) {
        this.edges = edges;
        this.alone = alone;
        this.n = edges.rows();
        this.m = columns;
        this.columnOf = new int[n];
        this.rowOf = new int[m];
        this.u = new double[n];
        this.w = prices.clone();
        this.distance = new double[m];
        this.from = new int[m];
        this.heap = new int[m];
        this.place = new int[m];
        this.touched = new int[m];
        this.popped = new int[m];
        this.scanned = new int[n];
        this.scannedAt = new double[n];
        Arrays.fill(columnOf, -1);
        Arrays.fill(rowOf, -1);
        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        Arrays.fill(place, -1);
        priceRows();
        keep(start);
    }

    /** u_i = the best that row i can have at the present prices. */
    private void priceRows() {
        for (int i = 0; i < n; i++) {
            double best = alone[i];
            for (int e = edges.start()[i]; e < edges.start()[i + 1]; e++) {
                best = Math.max(best, edges.values()[e] - w[edges.columns()[e]]);
            }
            u[i] = best;
        }
    }

    private void keep(int[] start) {
        for (int i = 0; i < n; i++) {
            for (int e = edges.start()[i]; start[i] >= 0 && e < edges.start()[i + 1]; e++) {
                int j = edges.columns()[e];
                if (j == start[i] && u[i] + w[j] - edges.values()[e] <= SLACK) {
                    columnOf[i] = j;
                    rowOf[j] = i;
                }
            }
        }
        for (int i = 0; i < n; i++) {
            for (int e = edges.start()[i]; columnOf[i] < 0 && e < edges.start()[i + 1]; e++) {
                int j = edges.columns()[e];
                if (rowOf[j] < 0 && u[i] + w[j] - edges.values()[e] <= SLACK) {
                    columnOf[i] = j;
                    rowOf[j] = i;
                }
            }
        }
    }

    /** Solves; says now and then how many rows are done, and stops if that throws. */
    void solve(IntConsumer done) {
        int count = 0;
        for (int i = 0; i < n; i++) {
            if (columnOf[i] < 0) {
                augment(i);
                if (++count % 64 == 0) {
                    done.accept(i);
                }
            }
        }
        done.accept(n);
        priceRows(); // sums of differences drift; prices of rows follow from those of columns
    }

    private void augment(int start) {
        int touches = 0;
        int pops = 0;
        int scans = 0;
        heapSize = 0;
        double bestEnd = Double.POSITIVE_INFINITY; // to a free column or to staying alone, whatever is nearer
        int aloneRow = -1;
        int sink = -1;
        int i = start;
        double d = 0;
        while (true) {
            scanned[scans] = i;
            scannedAt[scans++] = d;
            double base = d + u[i];
            if (base - alone[i] < bestEnd) {
                bestEnd = base - alone[i];
                aloneRow = i;
            }
            for (int e = edges.start()[i]; e < edges.start()[i + 1]; e++) {
                int j = edges.columns()[e];
                double next = base + w[j] - edges.values()[e];
                if (next < distance[j] && place[j] != -2 && next < bestEnd) {
                    if (distance[j] == Double.POSITIVE_INFINITY) {
                        touched[touches++] = j;
                    }
                    distance[j] = next;
                    from[j] = i;
                    rise(j);
                    if (rowOf[j] < 0) {
                        bestEnd = next;
                        aloneRow = -1;
                    }
                }
            }
            if (heapSize == 0 || (aloneRow >= 0 && distance[heap[0]] >= bestEnd)) {
                if (aloneRow < 0) {
                    throw new IllegalStateException("the listed pairs have no assignment");
                }
                d = bestEnd;
                break;
            }
            int j = pop();
            d = distance[j];
            popped[pops++] = j;
            if (rowOf[j] < 0) {
                sink = j;
                break;
            }
            i = rowOf[j];
        }
        for (int s = 0; s < scans; s++) {
            u[scanned[s]] -= d - scannedAt[s];
        }
        for (int p = 0; p < pops; p++) {
            w[popped[p]] += d - distance[popped[p]];
        }
        swap(start, sink, aloneRow);
        for (int t = 0; t < touches; t++) {
            distance[touched[t]] = Double.POSITIVE_INFINITY;
            place[touched[t]] = -1;
        }
    }

    private void swap(int start, int sink, int aloneRow) {
        int j = sink;
        if (j < 0) {
            if (aloneRow == start) {
                return;
            }
            j = columnOf[aloneRow];
            columnOf[aloneRow] = -1;
        }
        while (true) {
            int row = from[j];
            int next = columnOf[row];
            rowOf[j] = row;
            columnOf[row] = j;
            if (row == start) {
                return;
            }
            j = next;
        }
    }

    private void rise(int j) {
        int at = place[j] < 0 ? heapSize++ : place[j];
        while (at > 0) {
            int up = (at - 1) / 2;
            if (!nearer(j, heap[up])) {
                break;
            }
            heap[at] = heap[up];
            place[heap[at]] = at;
            at = up;
        }
        heap[at] = j;
        place[j] = at;
    }

    /** Among equals a free column comes first: it ends the search. */
    private boolean nearer(int j, int k) {
        return distance[j] < distance[k] || (distance[j] == distance[k] && rowOf[j] < 0 && rowOf[k] >= 0);
    }

    private int pop() {
        int top = heap[0];
        place[top] = -2;
        int last = heap[--heapSize];
        if (heapSize > 0) {
            int at = 0;
            for (int down; (down = 2 * at + 1) < heapSize; at = down) {
                if (down + 1 < heapSize && nearer(heap[down + 1], heap[down])) {
                    down++;
                }
                if (!nearer(heap[down], last)) {
                    break;
                }
                heap[at] = heap[down];
                place[heap[at]] = at;
            }
            heap[at] = last;
            place[last] = at;
        }
        return top;
    }
}
