package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.map.DecoderMap;
import dev.loupe.service.SaeRow;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CurveChart;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** The pictures of all latents of an SAE at once: densities, a scatter, the map of decoders, the training. */
final class SaePictures extends Section {
    private static final int LANGUAGES = 6;
    private static final int MAP_HEIGHT = 460;

    /** The kinds that points are coloured by: of several that hold, the first, which is the rarer one. */
    private static final List<FeatureGroup> KINDS = List.of(
            FeatureGroup.SINGLE_TOKEN,
            FeatureGroup.POSITION_OR_FORMAT,
            FeatureGroup.ONE_LANGUAGE,
            FeatureGroup.CROSS_LINGUAL);

    private final Workbench workbench;
    private final SaeRow row;
    private final Map<String, String> state;
    private final BiConsumer<String, String> remember;
    private final Div picture = Kit.div("");

    /**
     * Makes the card.
     *
     * @param state what the address says about {@code picture}, {@code y} and {@code colour}
     * @param remember gets what changes, by the same names
     */
    SaePictures(Workbench workbench, SaeRow row, Map<String, String> state, BiConsumer<String, String> remember) {
        this.workbench = workbench;
        this.row = row;
        this.state = state;
        this.remember = remember;
        addClassName("card");
        setId("pictures");
        Map<String, String> tabs = new LinkedHashMap<>();
        if (row.report() != null || row.sae().indexed()) {
            tabs.put("density", "Density");
        }
        if (row.sae().indexed()) {
            tabs.put("scatter", "Scatter");
            tabs.put("map", "Map");
        }
        if (workbench.pictures().training(row.sae().name()).isPresent()) {
            tabs.put("training", "Training");
        }
        setVisible(!tabs.isEmpty());
        if (tabs.isEmpty()) {
            return;
        }
        String first = tabs.keySet().iterator().next();
        String chosen = tabs.containsKey(state.get("picture")) ? state.getOrDefault("picture", "") : first;
        add(
                new Fields.Tabs(tabs, chosen, p -> {
                    remember.accept("picture", p.equals(first) ? "" : p);
                    show(p);
                }),
                picture);
        show(chosen);
    }

    private void show(String name) {
        picture.removeAll();
        switch (name) {
            case "scatter" -> picture.add(scatter());
            case "map" -> map();
            case "training" -> picture.add(training());
            default -> picture.add(SaeDensity.of(row, this::living));
        }
    }

    /** The vertical axes that a scatter can have. */
    private enum Axis {
        TOKEN_R2("token R²", f -> f.tokenR2() == null ? Double.NaN : f.tokenR2()),
        LABEL_SCORE("label score", f -> f.labelScore() == null ? Double.NaN : f.labelScore()),
        CONTEXT("context", FeatureSummary::contextual),
        STRONGEST("strongest", FeatureSummary::max),
        COSINE("encoder · decoder cosine", FeatureSummary::encDecCosine);

        final String title;
        final ToDoubleFunction<FeatureSummary> value;

        Axis(String title, ToDoubleFunction<FeatureSummary> value) {
            this.title = title;
            this.value = value;
        }
    }

    private Component scatter() {
        Map<String, String> names = new LinkedHashMap<>();
        for (Axis a : Axis.values()) {
            names.put(a.name().toLowerCase(java.util.Locale.ROOT), a.title);
        }
        String key = names.containsKey(state.get("y")) ? state.getOrDefault("y", "") : "token_r2";
        Scatter chart = new Scatter();
        Fields.Segments axis = new Fields.Segments("Vertical axis", names, key, y -> {
            remember.accept("y", y.equals("token_r2") ? "" : y);
            fill(chart, y);
        });
        fill(chart, key);
        chart.onOpen(e -> open(living().get(e.index()).id()));
        return new Div(Kit.div("line dim small-line", Kit.text("density against"), axis), chart);
    }

    private List<FeatureSummary> living() {
        return workbench.features().index(row.sae().name()).all().stream()
                .filter(f -> !f.dead())
                .toList();
    }

    private void fill(Scatter chart, String key) {
        Axis axis = Axis.valueOf(key.toUpperCase(java.util.Locale.ROOT));
        List<FeatureSummary> all = living();
        float[] x = new float[all.size()];
        float[] y = new float[all.size()];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) all.get(i).density();
            y[i] = (float) axis.value.applyAsDouble(all.get(i));
        }
        chart.set(Scatter.Data.grouped(
                        x,
                        y,
                        names(all),
                        "density",
                        axis.title,
                        kinds(all),
                        kindNames(),
                        row.sae().name() + ", density against " + axis.title)
                .withLogX());
        chart.file(ArrowFile.of(row.sae().name() + "-scatter", () -> columns(all, axis)));
    }

    private static Map<String, Object> columns(List<FeatureSummary> all, Axis axis) {
        Map<String, Object> columns = ids(all);
        columns.put("density", all.stream().mapToDouble(FeatureSummary::density).toArray());
        columns.put(axis.title, all.stream().mapToDouble(axis.value).toArray());
        return columns;
    }

    static Map<String, Object> ids(List<FeatureSummary> all) {
        Map<String, Object> columns = new LinkedHashMap<>();
        columns.put("feature", all.stream().mapToDouble(FeatureSummary::id).toArray());
        columns.put("label", all.stream().map(FeatureSummary::label).toList());
        return columns;
    }

    private static List<String> names(List<FeatureSummary> all) {
        return all.stream().map(f -> f.id() + " · " + f.label()).toList();
    }

    private static List<String> kindNames() {
        List<String> names = new ArrayList<>(List.of("other"));
        for (FeatureGroup g : KINDS) {
            names.add(g.title());
        }
        return names;
    }

    private static int[] kinds(List<FeatureSummary> all) {
        int[] kinds = new int[all.size()];
        for (int i = 0; i < kinds.length; i++) {
            for (int g = KINDS.size(); g > 0; g--) { // the first that holds
                kinds[i] = KINDS.get(g - 1).holds(all.get(i)) ? g : kinds[i];
            }
        }
        return kinds;
    }

    private void map() {
        String sae = row.sae().name();
        picture.add(Kit.text(
                "dim",
                workbench.pictures().hasMap(sae)
                        ? "Reading the map…"
                        : "Drawing the map, once: seconds for thousands of features, minutes for a hundred thousand…"));
        Background.run(
                this,
                () -> workbench.pictures().map(sae, Progress.silent()),
                m -> {
                    picture.removeAll();
                    picture.add(map(m));
                },
                sentence -> {
                    picture.removeAll();
                    picture.add(Kit.text("bad", sentence));
                });
    }

    private Component map(DecoderMap m) {
        Map<String, String> colours = new LinkedHashMap<>();
        colours.put("kind", "kind");
        colours.put("language", "language");
        String colour = "language".equals(state.get("colour")) ? "language" : "kind";
        List<FeatureSummary> all = workbench.features().index(row.sae().name()).all();
        if (all.size() != m.x().length) {
            return Kit.text(
                    "bad",
                    "The feature index is of another SAE of this name: run loupe index "
                            + row.sae().name() + ".");
        }
        Scatter chart = new Scatter();
        Fields.Segments choice = new Fields.Segments("Colour", colours, colour, c -> {
            remember.accept("colour", c.equals("kind") ? "" : c);
            fill(chart, m, all, c);
        });
        fill(chart, m, all, colour);
        chart.onOpen(e -> open(e.index()));
        chart.file(ArrowFile.of(row.sae().name() + "-map", () -> {
            Map<String, Object> columns = ids(all);
            columns.put("x", doubles(m.x()));
            columns.put("y", doubles(m.y()));
            return columns;
        }));
        Div how = Kit.div(
                "line dim small-line",
                Kit.text("colour"),
                choice,
                Kit.text("faint end only-wide", "t-SNE of decoder directions; what lies together points the same way"));
        how.setTitle("perplexity " + Num.fixed(m.perplexity(), 0) + ", begun at the principal components, KL "
                + Num.fixed(m.divergence(), 2) + " nats; no random number: the same SAE gives the same map");
        return new Div(how, chart);
    }

    private void fill(Scatter chart, DecoderMap m, List<FeatureSummary> all, String colour) {
        List<String> names = kindNames();
        int[] groups = kinds(all);
        if (colour.equals("language")) {
            List<String> most = all.stream()
                    .filter(f -> !f.dead() && !f.topLabel().isEmpty() && f.topLabelShare() >= 0.4)
                    .collect(Collectors.groupingBy(FeatureSummary::topLabel, Collectors.counting()))
                    .entrySet()
                    .stream()
                    .sorted(Map.Entry.<String, Long>comparingByValue()
                            .reversed()
                            .thenComparing(Map.Entry.comparingByKey(Comparator.naturalOrder())))
                    .limit(LANGUAGES)
                    .map(Map.Entry::getKey)
                    .toList();
            names = new ArrayList<>(List.of("others, or none above 40 %"));
            most.stream().map(Num::language).forEach(names::add);
            for (int i = 0; i < groups.length; i++) {
                groups[i] = all.get(i).topLabelShare() >= 0.4
                        ? 1 + most.indexOf(all.get(i).topLabel())
                        : 0;
            }
        }
        chart.set(Scatter.Data.grouped(
                        m.x(),
                        m.y(),
                        names(all),
                        "x",
                        "y",
                        groups,
                        names,
                        "Map of the features of " + row.sae().name())
                .map(MAP_HEIGHT));
    }

    private static double[] doubles(float[] values) {
        double[] d = new double[values.length];
        for (int i = 0; i < d.length; i++) {
            d[i] = values[i];
        }
        return d;
    }

    private void open(int id) {
        UI.getCurrent().navigate("features/" + row.sae().name() + "/" + id);
    }

    private Component training() {
        Map<String, double[]> curves =
                workbench.pictures().training(row.sae().name()).orElse(Map.of());
        double[] steps = curves.getOrDefault("step", new double[0]);
        Div all = Kit.div("tiles");
        curves.forEach((name, values) -> {
            boolean any = Arrays.stream(values).anyMatch(v -> Double.isFinite(v) && v != 0);
            if (!name.equals("step") && any) {
                CurveChart chart = new CurveChart();
                boolean positive = Arrays.stream(values).allMatch(v -> v > 0 || Double.isNaN(v));
                boolean log = positive && (name.equals("loss") || name.equals("reconstruction") || name.equals("fvu"));
                chart.set(new CurveChart.Data(
                        List.of(new CurveChart.Series(name, steps, values)),
                        "step",
                        name,
                        null,
                        null,
                        null,
                        null,
                        false,
                        log,
                        130,
                        null,
                        null));
                chart.file(ArrowFile.of(row.sae().name() + "-training", () -> new LinkedHashMap<>(curves)));
                all.add(new Div(
                        Kit.heading(name.replace('_', ' '), Measures.curve(name) + (log ? "; log" : "")), chart));
            }
        });
        return all;
    }
}
