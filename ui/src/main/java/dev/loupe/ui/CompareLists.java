package dev.loupe.ui;

import com.vaadin.flow.component.grid.ColumnTextAlign;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.data.renderer.LitRenderer;
import dev.loupe.compare.Matching;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Latents that only one SAE has and those that both have, at a threshold. */
final class CompareLists extends Section {
    private static final String ONLY_A = "a";
    private static final String ONLY_B = "b";
    private static final String SHARED = "shared";

    private final @Nullable Matching matching;
    private final Map<Integer, FeatureSummary> inA;
    private final Map<Integer, FeatureSummary> inB;
    private final int[] matchOfB;
    private final Consumer<String> remember;
    private final Div tabs = new Div();
    private final Grid<Row> grid = new Grid<>();
    private String chosen;
    private double threshold;

    /** One latent of a list. */
    record Row(
            String sae,
            int id,
            String label,
            double density,
            int other,
            String otherSae,
            double decoder,
            double encoder) {}

    /** Lists of nothing. */
    CompareLists() {
        matching = null;
        inA = Map.of();
        inB = Map.of();
        matchOfB = new int[0];
        chosen = ONLY_A;
        remember = c -> {};
    }

    CompareLists(Workbench workbench, Matching matching, String chosen, Consumer<String> remember) {
        this.matching = matching;
        this.remember = remember;
        this.chosen = List.of(ONLY_A, ONLY_B, SHARED).contains(chosen) ? chosen : ONLY_A;
        inA = summaries(workbench, matching.a());
        inB = summaries(workbench, matching.b());
        matchOfB = matching.decoderMatchOfB();
        addClassName("card");
        columns();
        add(tabs, grid);
    }

    private static Map<Integer, FeatureSummary> summaries(Workbench workbench, String sae) {
        if (!workbench.features().indexed().contains(sae)) {
            return Map.of();
        }
        Map<Integer, FeatureSummary> all = new HashMap<>();
        workbench
                .features()
                .list(sae, FeatureQuery.all().withDead(true))
                .features()
                .forEach(f -> all.put(f.id(), f));
        return all;
    }

    private void columns() {
        grid.setHeight("420px");
        grid.addColumn(LitRenderer.<Row>of("<a href=\"${item.href}\" router-link>${item.id}</a>")
                        .withProperty("href", r -> Links.feature(r.sae(), r.id()))
                        .withProperty("id", Row::id))
                .setHeader("feature")
                .setFlexGrow(0)
                .setWidth("92px")
                .setComparator(Comparator.comparingInt(Row::id));
        grid.addColumn(Row::label)
                .setHeader("label")
                .setFlexGrow(4)
                .setWidth("200px")
                .setComparator(Comparator.comparing(Row::label));
        number("of tokens", r -> Num.percent(r.density()), Comparator.comparingDouble(Row::density));
        number("decoder", r -> Num.fixed(r.decoder(), 2), Comparator.comparingDouble(Row::decoder));
        number("encoder", r -> Num.fixed(r.encoder(), 2), Comparator.comparingDouble(Row::encoder));
        grid.addColumn(LitRenderer.<Row>of("<a href=\"${item.href}\" router-link>${item.other}</a>")
                        .withProperty("href", r -> r.other() < 0 ? "" : Links.feature(r.otherSae(), r.other()))
                        .withProperty("other", r -> r.other() < 0 ? "" : r.otherSae() + " " + r.other()))
                .setHeader("best partner")
                .setFlexGrow(1)
                .setWidth("170px");
    }

    private void number(String name, com.vaadin.flow.function.ValueProvider<Row, String> value, Comparator<Row> order) {
        grid.addColumn(value)
                .setHeader(name)
                .setTextAlign(ColumnTextAlign.END)
                .setFlexGrow(0)
                .setWidth("104px")
                .setComparator(order);
    }

    /** Fills the lists for a threshold. */
    void show(double t) {
        threshold = t;
        Matching m = matching;
        if (m == null) {
            return;
        }
        int shared = m.sharedA(t).size();
        Map<String, String> names = new LinkedHashMap<>();
        names.put(ONLY_A, "Only in " + m.a() + " · " + Num.whole(m.widthA() - shared));
        names.put(ONLY_B, "Only in " + m.b() + " · " + Num.whole(m.widthB() - shared));
        names.put(SHARED, "Shared · " + Num.whole(shared));
        Fields.Tabs bar = new Fields.Tabs(names, chosen, c -> {
            chosen = c;
            remember.accept(c.equals(ONLY_A) ? "" : c);
            fill(m);
        });
        bar.add(Kit.text("end faint only-wide", "densest first"));
        tabs.removeAll();
        tabs.add(bar);
        fill(m);
    }

    private void fill(Matching m) {
        List<Row> rows = new ArrayList<>();
        switch (chosen) {
            case ONLY_B -> m.onlyInB(threshold).forEach(j -> rows.add(ofB(m, j)));
            case SHARED -> m.sharedA(threshold).forEach(i -> rows.add(ofA(m, i)));
            default -> m.onlyInA(threshold).forEach(i -> rows.add(ofA(m, i)));
        }
        rows.sort(Comparator.comparingDouble(Row::density).reversed());
        grid.setItems(rows);
    }

    private Row ofA(Matching m, int i) {
        FeatureSummary f = inA.get(i);
        return new Row(
                m.a(),
                i,
                f == null ? "" : f.label(),
                f == null ? Double.NaN : f.density(),
                m.decoderMatch()[i],
                m.b(),
                m.decoderCosine()[i],
                m.encoderCosine()[i]);
    }

    private Row ofB(Matching m, int j) {
        FeatureSummary f = inB.get(j);
        int i = matchOfB[j];
        return new Row(
                m.b(),
                j,
                f == null ? "" : f.label(),
                f == null ? Double.NaN : f.density(),
                i,
                m.a(),
                i < 0 ? 0 : m.decoderCosine()[i],
                i < 0 ? 0 : m.encoderCosine()[i]);
    }
}
