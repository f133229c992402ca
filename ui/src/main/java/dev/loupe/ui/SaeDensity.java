package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import dev.loupe.eval.SaeReport;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.SaeRow;
import dev.loupe.ui.element.Histogram;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** How many features of an SAE are how dense. */
final class SaeDensity {
    private static final int BINS_A_DECADE = 10;

    private SaeDensity() {}

    /** From the report on held-out tokens where there is one, else from the index. */
    static Component of(SaeRow row, Supplier<List<FeatureSummary>> living) {
        SaeReport r = row.report();
        if (r == null) {
            return indexed(row, living.get());
        }
        double[] edges = r.density().edges();
        Histogram h = new Histogram();
        h.set(new Histogram.Data(
                Arrays.stream(r.density().counts()).asLongStream().toArray(),
                edges[0],
                edges[edges.length - 1],
                false,
                true,
                "features",
                "accent",
                150,
                "Densities of the features of " + row.sae().name(),
                false));
        h.file(ArrowFile.of(
                row.sae().name() + "-density", () -> bins(edges, r.density().counts())));
        return new Div(
                Kit.text(
                        "faint",
                        "share of held-out tokens on which a feature is active · "
                                + Num.whole(r.density().never()) + " never"),
                h);
    }

    /** Bins as columns. */
    private static Map<String, Object> bins(double[] edges, int[] counts) {
        Map<String, Object> columns = new LinkedHashMap<>();
        columns.put("from", Arrays.copyOf(edges, counts.length));
        columns.put("to", Arrays.copyOfRange(edges, 1, counts.length + 1));
        columns.put("features", Arrays.stream(counts).asDoubleStream().toArray());
        return columns;
    }

    /** Densities over all tokens of the index, where there is no report on held-out ones. */
    private static Component indexed(SaeRow row, List<FeatureSummary> living) {
        double[] logs = living.stream()
                .mapToDouble(f -> Math.log10(f.density()))
                .sorted()
                .toArray();
        if (logs.length == 0) {
            return Kit.text("dim", "No feature fires on any token of the store.");
        }
        double from = Math.floor(logs[0]);
        double to = Math.max(from + 1, Math.ceil(logs[logs.length - 1]));
        long[] counts = new long[(int) Math.round((to - from) * BINS_A_DECADE)];
        for (double v : logs) {
            counts[Math.min(counts.length - 1, (int) ((v - from) * BINS_A_DECADE))]++;
        }
        Histogram h = new Histogram();
        h.set(new Histogram.Data(
                counts,
                from,
                to,
                true,
                true,
                "features",
                "accent",
                150,
                "Densities of the features of " + row.sae().name(),
                false));
        h.file(ArrowFile.of(row.sae().name() + "-density", () -> {
            Map<String, Object> columns = SaePictures.ids(living);
            columns.put(
                    "density",
                    living.stream().mapToDouble(FeatureSummary::density).toArray());
            return columns;
        }));
        return new Div(
                Kit.text(
                        "faint",
                        "share of all tokens on which a feature is active · not evaluated on held-out ones yet: loupe eval "
                                + row.sae().name()),
                h);
    }
}
