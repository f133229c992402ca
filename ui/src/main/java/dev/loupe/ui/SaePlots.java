package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import dev.loupe.service.Pareto;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Several SAEs in the plane of sparsity and fidelity; those that none betters in both are named. */
final class SaePlots {
    /**
     * One SAE.
     *
     * @param name its name
     * @param l0 active latents per token
     * @param fvu fraction of variance unexplained
     * @param deltaCe rise of the loss; null where it was not measured
     */
    record Point(
            String name, double l0, double fvu, @Nullable Double deltaCe) {}

    private SaePlots() {}

    /** L0 against FVU, and against delta CE where it was measured. */
    static Component draw(List<Point> points) {
        Div plots = Kit.div("cols even");
        plots.add(plot(points, "FVU", Point::fvu));
        List<Point> measured = points.stream().filter(p -> p.deltaCe() != null).toList();
        if (measured.size() > 1) {
            plots.add(plot(measured, "ΔCE, nats", Point::deltaCe));
        }
        return plots;
    }

    private static Component plot(List<Point> points, String what, Function<Point, @Nullable Double> value) {
        float[] x = new float[points.size()];
        float[] y = new float[points.size()];
        double[] l0 = new double[x.length];
        double[] v = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            Double of = value.apply(points.get(i));
            l0[i] = points.get(i).l0();
            v[i] = of == null ? Double.NaN : of;
            x[i] = (float) l0[i];
            y[i] = (float) v[i];
        }
        boolean[] front = Pareto.front(l0, v);
        List<String> names = new ArrayList<>();
        List<String> hrefs = new ArrayList<>();
        List<String> best = new ArrayList<>();
        for (int i = 0; i < x.length; i++) {
            String name = points.get(i).name();
            names.add(name + (front[i] ? " (on the front)" : ""));
            hrefs.add(Links.report(name));
            if (front[i]) {
                best.add(name);
            }
        }
        Scatter scatter = new Scatter();
        scatter.set(new Scatter.Data(
                x,
                y,
                names,
                hrefs,
                "L0",
                what,
                null,
                null,
                null,
                false,
                what + " against L0 of " + x.length + " SAEs"));
        scatter.file(ArrowFile.of("l0-" + (what.startsWith("FVU") ? "fvu" : "delta-ce"), () -> {
            Map<String, Object> columns = new LinkedHashMap<>();
            columns.put("sae", points.stream().map(Point::name).toList());
            columns.put("l0", l0);
            columns.put("value", v);
            return columns;
        }));
        return Kit.card(
                Kit.heading(what + " against L0", "lower is better in both"),
                scatter,
                Kit.div("dim", Kit.text("None is better in both than " + String.join(", ", best) + ".")));
    }
}
