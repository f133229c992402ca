package dev.loupe.compare;

import java.util.Arrays;

/** Pairs of a row and a column with their value, collected in any order, each kept once. */
final class EdgeList {
    private int[] rows = new int[1 << 12];
    private int[] columns = new int[1 << 12];
    private float[] values = new float[1 << 12];
    private int size;

    void add(int row, int column, float value) {
        if (size == rows.length) {
            int more = Math.addExact(size, size / 2);
            rows = Arrays.copyOf(rows, more);
            columns = Arrays.copyOf(columns, more);
            values = Arrays.copyOf(values, more);
        }
        rows[size] = row;
        columns[size] = column;
        values[size++] = value;
    }

    /** Adds arranged pairs. */
    void addAll(ByRow more) {
        for (int i = 0; i < more.rows(); i++) {
            for (int e = more.start[i]; e < more.start[i + 1]; e++) {
                add(i, more.columns[e], more.values[e]);
            }
        }
    }

    /**
     * The pairs row by row.
     *
     * @param start pairs of row i lie from start[i] to start[i + 1]
     */
    record ByRow(int[] start, int[] columns, float[] values) {
        int rows() {
            return start.length - 1;
        }
    }

    /** Arranges by row, drops repetitions, and keeps only what is left. */
    ByRow arrange(int rowCount, int columnCount) {
        int[] begin = new int[rowCount + 1];
        for (int e = 0; e < size; e++) {
            begin[rows[e] + 1]++;
        }
        for (int i = 0; i < rowCount; i++) {
            begin[i + 1] += begin[i];
        }
        int[] at = Arrays.copyOf(begin, rowCount);
        int[] place = new int[size];
        for (int e = 0; e < size; e++) {
            place[at[rows[e]]++] = e;
        }
        int[] start = new int[rowCount + 1];
        int[] columnsByRow = new int[size];
        float[] valuesByRow = new float[size];
        int[] seen = new int[columnCount];
        int kept = 0;
        for (int i = 0; i < rowCount; i++) {
            for (int p = begin[i]; p < begin[i + 1]; p++) {
                int e = place[p];
                if (seen[columns[e]] != i + 1) {
                    seen[columns[e]] = i + 1;
                    columnsByRow[kept] = columns[e];
                    valuesByRow[kept++] = values[e];
                }
            }
            start[i + 1] = kept;
        }
        return new ByRow(start, Arrays.copyOf(columnsByRow, kept), Arrays.copyOf(valuesByRow, kept));
    }

    /** Starts again from arranged pairs. */
    static EdgeList of(ByRow edges) {
        EdgeList list = new EdgeList();
        list.size = edges.columns.length;
        int room = Math.max(1, list.size + list.size / 4);
        list.rows = new int[room];
        for (int i = 0; i < edges.rows(); i++) {
            Arrays.fill(list.rows, edges.start[i], edges.start[i + 1], i);
        }
        list.columns = Arrays.copyOf(edges.columns, room);
        list.values = Arrays.copyOf(edges.values, room);
        return list;
    }
}
