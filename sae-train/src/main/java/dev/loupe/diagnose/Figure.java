package dev.loupe.diagnose;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A figure as plain data.
 *
 * @param kind how it is drawn
 * @param title what it shows
 * @param x name of the horizontal axis
 * @param y name of the vertical axis; of a heat map, the unit of its values
 * @param logX whether the horizontal axis is logarithmic
 * @param logY whether the vertical axis is logarithmic
 * @param series lines or groups of points; of a histogram one, with x the edges of the bins (one more than counts)
 * @param grid of a heat map, else null
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Figure(
        Kind kind,
        String title,
        String x,
        String y,
        boolean logX,
        boolean logY,
        List<Series> series,
        @Nullable Grid grid) {

    /** How a figure is drawn. */
    public enum Kind {
        /** Lines. */
        CURVE,
        /** Points. */
        SCATTER,
        /** Counts of values in bins of equal width. */
        HISTOGRAM,
        /** Values by row and column. */
        HEAT_MAP
    }

    /**
     * A line or a group of points.
     *
     * @param name of it
     * @param xs ascending for lines
     * @param ys as many
     * @param names of points; empty if they have none
     */
    public record Series(String name, double[] xs, double[] ys, List<String> names) {
        /** Values without names. */
        public Series(String name, double[] xs, double[] ys) {
            this(name, xs, ys, List.of());
        }

        /** Values at 0, 1, 2, … (layers). */
        public static Series byIndex(String name, double... ys) {
            double[] xs = new double[ys.length];
            java.util.Arrays.setAll(xs, i -> i);
            return new Series(name, xs, ys);
        }
    }

    /**
     * Values by row and column.
     *
     * @param rows names, top first
     * @param columns names
     * @param values rows × columns
     */
    public record Grid(List<String> rows, List<String> columns, double[][] values) {}

    /** Lines on linear axes. */
    public static Figure curve(String title, String x, String y, List<Series> series) {
        return new Figure(Kind.CURVE, title, x, y, false, false, series, null);
    }

    /** Points on linear axes. */
    public static Figure scatter(String title, String x, String y, List<Series> series) {
        return new Figure(Kind.SCATTER, title, x, y, false, false, series, null);
    }

    /** Values by row and column. */
    public static Figure heat(String title, String unit, List<String> rows, List<String> columns, double[][] values) {
        return new Figure(Kind.HEAT_MAP, title, "", unit, false, false, List.of(), new Grid(rows, columns, values));
    }

    /** How often values fall into equal bins from the smallest to the largest. */
    public static Figure histogram(String title, String x, double[] values, int bins) {
        double low =
                java.util.Arrays.stream(values).filter(Double::isFinite).min().orElse(0);
        double high =
                java.util.Arrays.stream(values).filter(Double::isFinite).max().orElse(1);
        return histogram(title, x, values, low, high > low ? high : low + 1, bins);
    }

    /** How often values fall into equal bins; those outside count in the first and last. */
    public static Figure histogram(String title, String x, double[] values, double low, double high, int bins) {
        double[] counts = new double[bins];
        for (double v : values) {
            if (Double.isFinite(v)) {
                counts[(int) Math.clamp((v - low) / (high - low) * bins, 0, bins - 1)]++;
            }
        }
        double[] edges = new double[bins + 1];
        for (int i = 0; i <= bins; i++) {
            edges[i] = low + (high - low) * i / bins;
        }
        return new Figure(
                Kind.HISTOGRAM, title, x, "count", false, false, List.of(new Series(title, edges, counts)), null);
    }

    /** The same with a logarithmic horizontal axis. */
    public Figure withLogX() {
        return new Figure(kind, title, x, y, true, logY, series, grid);
    }

    /** The same with a logarithmic vertical axis. */
    public Figure withLogY() {
        return new Figure(kind, title, x, y, logX, true, series, grid);
    }
}
