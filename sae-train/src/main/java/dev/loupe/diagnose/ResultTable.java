package dev.loupe.diagnose;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/** The numbers of a result, row by row: whole numbers as {@link Long}, others as {@link Double}, words as String. */
public final class ResultTable {
    /**
     * A column.
     *
     * @param name its name, without spaces
     * @param kind of its values
     * @param meaning what they are, with their unit
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Column(String name, Kind kind, String meaning) {}

    /** What a column holds. */
    public enum Kind {
        /** Whole numbers. */
        WHOLE,
        /** Numbers in double precision. */
        NUMBER,
        /** Words. */
        TEXT
    }

    private final List<Column> columns;
    private final List<Object[]> rows = new ArrayList<>();

    /** An empty table. */
    public ResultTable(List<Column> columns) {
        this.columns = List.copyOf(columns);
    }

    /**
     * An empty table.
     *
     * @param columns each as {@code name:kind:meaning}; kinds are whole, number and text
     */
    public static ResultTable of(String... columns) {
        List<Column> all = new ArrayList<>();
        for (String c : columns) {
            String[] parts = c.split(":", 3);
            all.add(new Column(parts[0], Kind.valueOf(parts[1].toUpperCase(Locale.ROOT)), parts[2]));
        }
        return new ResultTable(all);
    }

    /** Adds a row: one value per column. */
    public ResultTable row(Object... values) {
        if (values.length != columns.size()) {
            throw new IllegalArgumentException(values.length + " values for " + columns.size() + " columns");
        }
        Object[] row = new Object[values.length];
        for (int c = 0; c < values.length; c++) {
            row[c] = switch (columns.get(c).kind()) {
                case WHOLE -> ((Number) values[c]).longValue();
                case NUMBER -> ((Number) values[c]).doubleValue();
                case TEXT -> values[c].toString();
            };
        }
        rows.add(row);
        return this;
    }

    /** The columns. */
    public List<Column> columns() {
        return columns;
    }

    /** The rows; not to be changed. */
    public List<Object[]> rows() {
        return rows;
    }

    /** One value of a numeric column. */
    public double number(int row, String column) {
        return ((Number) rows.get(row)[index(column)]).doubleValue();
    }

    /** One value in words. */
    public String text(int row, String column) {
        return String.valueOf(rows.get(row)[index(column)]);
    }

    private int index(String column) {
        for (int c = 0; c < columns.size(); c++) {
            if (columns.get(c).name().equals(column)) {
                return c;
            }
        }
        throw new IllegalArgumentException("there is no column " + column);
    }
}
