package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.grid.ColumnTextAlign;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.data.renderer.LitRenderer;
import dev.loupe.compare.Matching;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.SeedStability;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Latents that only one SAE has and those that both have, at a threshold. */
final class CompareLists extends Section {
    private static final String ONLY_A = "a";
    private static final String ONLY_B = "b";
    private static final String SHARED = "shared";
    private static final String SPLIT = "split";
    private static final int PARTS = 6;

    private final @Nullable Matching matching;
    private final Map<Integer, FeatureSummary> inA;
    private final Map<Integer, FeatureSummary> inB;
    private final int[] matchOfB;
    private final @Nullable SeedStability stabilityA;
    private final @Nullable SeedStability stabilityB;
    private final Div splits = new Div();
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
            double encoder,
            double score,
            int seeds,
            float stability) {}

    /** Lists of nothing. */
    CompareLists() {
        matching = null;
        inA = Map.of();
        inB = Map.of();
        matchOfB = new int[0];
        stabilityA = null;
        stabilityB = null;
        chosen = ONLY_A;
        remember = c -> {};
    }

    CompareLists(Workbench workbench, Matching matching, String chosen, Consumer<String> remember) {
        this.matching = matching;
        this.remember = remember;
        this.chosen = List.of(ONLY_A, ONLY_B, SHARED, SPLIT).contains(chosen) ? chosen : ONLY_A;
        inA = summaries(workbench, matching.a());
        inB = summaries(workbench, matching.b());
        matchOfB = matching.decoderMatchOfB();
        stabilityA = workbench.compare().stability(matching.a()).orElse(null);
        stabilityB = workbench.compare().stability(matching.b()).orElse(null);
        addClassName("card");
        columns();
        add(tabs, grid, splits);
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
        number(
                "label score",
                r -> Double.isNaN(r.score()) ? "–" : Num.fixed(r.score(), 2),
                Comparator.comparingDouble((Row r) -> Double.isNaN(r.score()) ? -1 : r.score()));
        number(
                        "other seeds",
                        r -> stabilityA == null
                                ? "–"
                                : r.seeds() + " of " + others(r) + " · " + Num.fixed(r.stability(), 2),
                        Comparator.comparingDouble(Row::stability))
                .setWidth("132px");
        grid.addColumn(LitRenderer.<Row>of("<a href=\"${item.href}\" router-link>${item.other}</a>")
                        .withProperty("href", r -> r.other() < 0 ? "" : Links.feature(r.otherSae(), r.other()))
                        .withProperty("other", r -> r.other() < 0 ? "" : String.valueOf(r.other())))
                .setHeader("best partner")
                .setFlexGrow(1)
                .setWidth("96px");
    }

    private Grid.Column<Row> number(
            String name, com.vaadin.flow.function.ValueProvider<Row, String> value, Comparator<Row> order) {
        return grid.addColumn(value)
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
        List<Matching.Split> many = m.splits(t, 2);
        names.put(SPLIT, "One to many · " + Num.whole(many.size()));
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

    private int others(Row r) {
        SeedStability s = matching != null && r.sae().equals(matching.b()) ? stabilityB : stabilityA;
        return s == null ? 0 : s.others();
    }

    /** Latents of A that several of B are nearest to: what a wider SAE may have split them into. */
    private void split(Matching m) {
        splits.removeAll();
        List<List<Component>> rows = new ArrayList<>();
        for (Matching.Split s : m.splits(threshold, 2).stream().limit(200).toList()) {
            Div parts = Kit.div("line tight");
            for (int j : s.parts().stream().limit(PARTS).toList()) {
                FeatureSummary f = inB.get(j);
                parts.add(Kit.link(
                        Links.feature(m.b(), j),
                        j + (f == null ? "" : " " + f.label()) + " " + Num.fixed(m.nearestCosineB()[j], 2)));
            }
            if (s.parts().size() > PARTS) {
                parts.add(Kit.text("faint", "and " + (s.parts().size() - PARTS) + " more"));
            }
            FeatureSummary f = inA.get(s.id());
            rows.add(List.of(
                    Kit.link(Links.feature(m.a(), s.id()), String.valueOf(s.id())),
                    Kit.text(f == null ? "" : f.label()),
                    Kit.text(Num.whole(s.parts().size())),
                    parts));
        }
        splits.add(
                rows.isEmpty()
                        ? Kit.text(
                                "dim",
                                "No latent of " + m.a() + " is the nearest of two of " + m.b() + " at this threshold.")
                        : Kit.table(List.of("feature", "label", "parts", "in " + m.b()), Set.of(2), rows));
    }

    private void fill(Matching m) {
        boolean many = chosen.equals(SPLIT);
        grid.setVisible(!many);
        splits.setVisible(many);
        if (many) {
            split(m);
            return;
        }
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
                m.encoderCosine()[i],
                score(f),
                stabilityA == null ? 0 : stabilityA.found()[i],
                stabilityA == null ? 0 : stabilityA.score()[i]);
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
                i < 0 ? 0 : m.encoderCosine()[i],
                score(f),
                stabilityB == null ? 0 : stabilityB.found()[j],
                stabilityB == null ? 0 : stabilityB.score()[j]);
    }

    private static double score(@Nullable FeatureSummary f) {
        Double score = f == null ? null : f.labelScore();
        return score == null ? Double.NaN : score;
    }
}
