package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import dev.loupe.diagnose.Figure;
import dev.loupe.ui.element.CurveChart;
import dev.loupe.ui.element.HeatMap;
import dev.loupe.ui.element.Histogram;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Draws the figures of diagnostics with the elements that all pages use. */
final class DiagnosticFigures {
    private static final int HEIGHT = 240;

    private DiagnosticFigures() {}

    /** One figure in a card of its own. */
    static Component draw(Figure f) {
        return Kit.card(Kit.heading(f.title(), why(f)), element(f));
    }

    private static String why(Figure f) {
        return switch (f.kind()) {
            case CURVE, SCATTER -> f.y() + " against " + f.x();
            case HISTOGRAM -> "how many by " + f.x();
            case HEAT_MAP -> f.y();
        };
    }

    private static Component element(Figure f) {
        return switch (f.kind()) {
            case CURVE -> curve(f);
            case SCATTER -> scatter(f);
            case HISTOGRAM -> histogram(f);
            case HEAT_MAP -> heat(f);
        };
    }

    private static Component curve(Figure f) {
        CurveChart chart = new CurveChart();
        List<CurveChart.Series> series = new ArrayList<>();
        for (Figure.Series s : f.series()) {
            int[] shown = IntStream.range(0, s.xs().length)
                    .filter(i ->
                            Double.isFinite(s.ys()[i]) && (!f.logX() || s.xs()[i] > 0) && (!f.logY() || s.ys()[i] > 0))
                    .toArray();
            series.add(new CurveChart.Series(
                    s.name(),
                    IntStream.of(shown).mapToDouble(i -> s.xs()[i]).toArray(),
                    IntStream.of(shown).mapToDouble(i -> s.ys()[i]).toArray()));
        }
        chart.set(new CurveChart.Data(
                series, f.x(), f.y(), null, null, null, null, f.logX(), f.logY(), HEIGHT, null, null));
        return chart;
    }

    private static Component scatter(Figure f) {
        List<Float> x = new ArrayList<>();
        List<Float> y = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<Integer> groups = new ArrayList<>();
        for (int g = 0; g < f.series().size(); g++) {
            Figure.Series s = f.series().get(g);
            for (int i = 0; i < s.xs().length; i++) {
                x.add((float) s.xs()[i]);
                y.add((float) s.ys()[i]);
                names.add(s.names().isEmpty() ? s.name() : s.names().get(i));
                groups.add(g);
            }
        }
        float[] xs = new float[x.size()];
        float[] ys = new float[xs.length];
        for (int i = 0; i < xs.length; i++) {
            xs[i] = x.get(i);
            ys[i] = y.get(i);
        }
        Scatter scatter = new Scatter();
        scatter.set(Scatter.Data.grouped(
                        xs,
                        ys,
                        names,
                        f.x(),
                        f.y(),
                        groups.stream().mapToInt(g -> g).toArray(),
                        f.series().stream().map(Figure.Series::name).toList(),
                        f.title())
                .joined(IntStream.range(0, xs.length).toArray(), HEIGHT));
        return scatter;
    }

    private static Component histogram(Figure f) {
        Figure.Series s = f.series().getFirst();
        long[] counts = new long[s.ys().length];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = Math.round(s.ys()[i]);
        }
        Histogram histogram = new Histogram();
        histogram.set(new Histogram.Data(
                counts,
                s.xs()[0],
                s.xs()[s.xs().length - 1],
                f.logY(),
                false,
                f.x(),
                "accent",
                HEIGHT,
                f.title() + ", by " + f.x(),
                false));
        return histogram;
    }

    private static Component heat(Figure f) {
        Figure.Grid grid = f.grid();
        if (grid == null) {
            return Kit.text("dim", "There is nothing to draw.");
        }
        double max = 0;
        for (double[] row : grid.values()) {
            for (double v : row) {
                max = Math.max(max, Math.abs(v));
            }
        }
        HeatMap map = new HeatMap();
        map.set(new HeatMap.Data(
                f.title(),
                grid.rows(),
                IntStream.range(0, grid.rows().size()).toArray(),
                null,
                grid.columns(),
                "head",
                grid.values(),
                max,
                f.y(),
                f.title(),
                false));
        return map;
    }
}
