package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.service.SweepResult;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.Scatter;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Every sweep: what was varied, what came of it, and its SAEs in the plane of sparsity and error. */
@Route("sweeps")
public final class SweepsView extends Page {
    private static final int HEIGHT = 170;

    SweepsView(Workbench workbench) {
        titled("Sweeps");
        List<String> names = workbench.sweeps().list();
        add(Kit.head("Sweeps", "Many SAEs trained on one stream of activations, held against each other."));
        if (names.isEmpty()) {
            add(Kit.empty(
                    "No sweep yet",
                    "A sweep trains every combination of architectures, widths, k and seeds, reading the data once.",
                    "loupe sweep widths.yaml"));
            return;
        }
        List<Component> cards = new ArrayList<>();
        for (String name : names) {
            cards.add(card(workbench, name));
        }
        Div all = Kit.div(cards.size() > 1 ? "cols even" : "stack", cards.toArray(Component[]::new));
        all.setId("sweeps");
        add(all);
    }

    private static Component card(Workbench workbench, String name) {
        SweepResult r;
        try {
            r = workbench.sweeps().get(name);
        } catch (LoupeException damaged) {
            return Kit.card(
                    Kit.heading(name, ""), Kit.text("bad", String.valueOf(damaged.getMessage()))); // the others stay
        }
        Div title = Kit.div("line base", Kit.link(Links.sweep(name), name));
        title.getChildren()
                .findFirst()
                .ifPresent(a -> a.getElement().getClassList().add("name"));
        title.add(Kit.text("dim", SweepView.rowsOf(r.spec())), Kit.text("faint", when(r.created())));
        Section card = Kit.card(title);
        List<SweepResult.Row> measured = r.rows().stream()
                .filter(row -> row.l0() != null && row.fvu() != null)
                .sorted(Comparator.comparingDouble(SweepsView::fvu))
                .toList();
        Div facts = Kit.facts(
                Kit.fact(Num.whole(r.rows().size()), "SAEs", "every combination of the sweep"),
                Kit.fact(
                        Num.whole(fronts(r)),
                        "on the front",
                        "no other SAE at the hook point has a lower L0 and a lower FVU"),
                Kit.fact(
                        Fmt.duration(Duration.ofMillis((long) (1000 * r.seconds()))),
                        "trained and measured",
                        "of the last run of the command"));
        if (r.failed() > 0) {
            facts.add(Kit.fact(Num.whole(r.failed()), "failed", "why stands on the sweep's page"));
        }
        card.add(Kit.div("gap", facts), Kit.div("gap dim", Kit.text(varied(r))));
        if (measured.size() > 1) {
            card.add(Kit.div("gap", picture(name, measured, r.byPlace().size() > 1)));
        } else if (measured.size() == 1) {
            SweepResult.Row only = measured.getFirst();
            card.add(Kit.div(
                    "gap dim",
                    Kit.text("One SAE was measured: L0 " + Num.fixed(only.l0(), 1) + ", FVU " + Num.fixed(only.fvu(), 3)
                            + ".")));
        } else {
            card.add(Kit.div("gap dim", Kit.text("No SAE of it could be measured.")));
        }
        return card;
    }

    private static long fronts(SweepResult r) {
        return r.rows().stream().filter(SweepResult.Row::bestFvu).count();
    }

    private static String varied(SweepResult r) {
        SweepSpec spec = r.spec();
        List<String> parts = new ArrayList<>();
        if (r.byPlace().size() > 1) {
            parts.add(r.byPlace().size() + " hook points");
        }
        parts.add(String.join(", ", spec.arch()));
        parts.add("d_sae " + joined(spec.dSae()));
        if (!spec.k().isEmpty()) {
            parts.add("k " + joined(spec.k()));
        }
        parts.add((spec.seeds().size() == 1 ? "seed " : "seeds ") + joined(spec.seeds()));
        return String.join(" · ", parts);
    }

    private static String joined(List<?> values) {
        return String.join(", ", values.stream().map(String::valueOf).toList());
    }

    private static String when(String created) {
        try {
            return Num.when(Instant.parse(created));
        } catch (DateTimeParseException e) {
            return "";
        }
    }

    /** @param places whether colours are hook points, each with a front of its own, instead of architectures */
    private static Component picture(String name, List<SweepResult.Row> rows, boolean places) {
        float[] x = new float[rows.size()];
        float[] y = new float[rows.size()];
        List<String> names = new ArrayList<>();
        List<String> kinds = new ArrayList<>(List.of("")); // the quiet colour is for none
        int[] groups = new int[rows.size()];
        for (int i = 0; i < x.length; i++) {
            SweepResult.Row row = rows.get(i);
            x[i] = (float) l0(row);
            y[i] = (float) fvu(row);
            names.add(row.sae());
            String kind = places ? row.place() : row.arch();
            if (!kinds.contains(kind)) {
                kinds.add(kind);
            }
            groups[i] = kinds.indexOf(kind);
        }
        List<String> brief = names.stream() // all begin with the sweep's name
                .map(n -> n.startsWith(name + ".") ? n.substring(name.length() + 1) : n)
                .toList();
        Scatter chart = new Scatter();
        chart.set(Scatter.Data.grouped(x, y, brief, "L0", "FVU", groups, kinds, "L0 against FVU of the SAEs of " + name)
                .joined(places ? new int[0] : SaePareto.best(x, y), HEIGHT));
        chart.file(ArrowFile.of(name, () -> {
            Map<String, Object> columns = new LinkedHashMap<>();
            columns.put("sae", names);
            columns.put("hook", rows.stream().map(SweepResult.Row::place).toList());
            columns.put("architecture", rows.stream().map(SweepResult.Row::arch).toList());
            columns.put("l0", rows.stream().mapToDouble(SweepsView::l0).toArray());
            columns.put("fvu", rows.stream().mapToDouble(SweepsView::fvu).toArray());
            return columns;
        }));
        chart.onOpen(
                e -> UI.getCurrent().navigate(Links.report(names.get(e.index())).substring(1)));
        return chart;
    }

    /** Of a row that has it. */
    private static double l0(SweepResult.Row row) {
        return Objects.requireNonNull(row.l0());
    }

    private static double fvu(SweepResult.Row row) {
        return Objects.requireNonNull(row.fvu());
    }
}
