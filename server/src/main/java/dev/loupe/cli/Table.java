package dev.loupe.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** A plain table: columns as wide as needed, numbers to the right. */
final class Table {
    private final List<String[]> rows = new ArrayList<>();
    private final int columns;

    Table(String... head) {
        rows.add(head);
        columns = head.length;
    }

    void row(Object... cells) {
        String[] texts = new String[columns];
        for (int i = 0; i < columns; i++) {
            texts[i] = i < cells.length ? String.valueOf(cells[i]) : "";
        }
        rows.add(texts);
    }

    void print(PrintStream out) {
        int[] widths = new int[columns];
        boolean[] numeric = new boolean[columns];
        for (int c = 0; c < columns; c++) {
            numeric[c] = rows.size() > 1;
            for (int r = 0; r < rows.size(); r++) {
                String cell = rows.get(r)[c];
                widths[c] = Math.max(widths[c], cell.codePointCount(0, cell.length()));
                numeric[c] &= r == 0 || cell.isEmpty() || cell.matches("[-+]?[0-9].*|-|n/a");
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < columns; c++) {
                String pad = " ".repeat(widths[c] - row[c].codePointCount(0, row[c].length()));
                line.append(c == 0 ? "" : "  ").append(numeric[c] ? pad + row[c] : row[c] + pad);
            }
            out.println(line.toString().stripTrailing());
        }
    }
}
