package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Location;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Progress;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CircuitGraph;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleConsumer;

/** One circuit: the graph, what is pinned of it, the chosen node, and what happens when nodes are changed. */
@Route("circuits/:name")
public final class CircuitView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;
    private CircuitLook look = new CircuitLook();
    private final CircuitGraph graph = new CircuitGraph();
    private final Div partFigures = Kit.div("facts");
    private final WorkMeter partMeter = new WorkMeter();
    private final Div outcome = Kit.div("stack");
    private String name = "";
    private String kind = "";
    private String with = "";
    private Set<String> measured = Set.of();

    CircuitView(Workbench workbench) {
        this.workbench = workbench;
        graph.setId("graph");
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        QueryParameters q = event.getLocation().getQueryParameters();
        name = event.getRouteParameters().get("name").orElse("");
        kind = parameter(q, "kind");
        with = parameter(q, "with");
        CircuitShown shown = CircuitShown.open(workbench, name, kind);
        titled(name);
        look = new CircuitLook();
        if (shown.kind().equals("graph")) {
            look.read(workbench.graphs().view(name));
        }
        look.read(q);
        measured = Set.of();
        build(shown);
    }

    private void build(CircuitShown shown) {
        removeAll();
        outcome.removeAll();
        CircuitChangeCard change = new CircuitChangeCard(shown, look);
        CircuitNodeCard[] node = new CircuitNodeCard[1];
        Runnable refresh = () -> {
            graph.look(look.drawn());
            node[0].show();
            change.show();
            keep();
            part(shown);
        };
        node[0] = new CircuitNodeCard(workbench, shown, look, refresh, id -> {
            look.select(id);
            refresh.run();
        });
        CircuitGraph drawing = graph;
        drawing.onChoose(e -> {
            look.select(e.id());
            refresh.run();
        });
        drawing.onPin(e -> {
            look.select(e.id());
            look.pin(e.id());
            refresh.run();
        });
        drawing.onGroup(e -> node[0].group(e.ids()));
        add(
                head(shown),
                outcome,
                Kit.div(
                        "cols",
                        Kit.div(
                                "stack",
                                Kit.card(
                                        Kit.heading("Graph", "layers by positions; colour of an edge is its sign"),
                                        sliders(),
                                        drawing,
                                        pinnedHead(),
                                        partMeter),
                                change),
                        node[0]));
        Component below = shown.below();
        if (below != null) {
            add(below);
        }
        if (with.isEmpty()) {
            drawing.set(shown.data());
        } else {
            compared(shown.with(with));
        }
        drawing.look(look.drawn());
        node[0].show();
        part(shown);
    }

    private Component head(CircuitShown shown) {
        Div chips = Kit.div("line tight gap");
        shown.chips().forEach(c -> chips.add(Kit.chip(c, "", "")));
        List<String> others = shown.others();
        Map<String, String> names = new LinkedHashMap<>();
        names.put("", "Compare with…");
        others.forEach(o -> names.put(o, o));
        Fields.Choice compare = new Fields.Choice(names, with, v -> {
            with = v;
            keep();
            build(shown);
        });
        compare.setId("compare");
        compare.addClassName("scope");
        compare.getElement().setAttribute("aria-label", "Compare with");
        compare.setVisible(!others.isEmpty());
        Div actions = Kit.div("end line tight", compare);
        if (shown.kind().equals("graph")) {
            var save = Kit.button("Save view", "", () -> save());
            save.setId("save-view");
            save.getElement().setAttribute("title", "Keep pins, groups and names beside the graph, for everyone");
            actions.add(save);
        }
        String api = "/api/" + (shown.kind().equals("graph") ? "graphs/" : "circuits/") + name + "/";
        actions.add(
                file(api + (shown.kind().equals("graph") ? "tracer" : "graph"), name + ".json", "JSON"),
                file(api + "dot", name + ".dot", "DOT"));
        actions.add(file(api + "svg", name + ".svg", "SVG"));
        return Kit.card(
                Kit.div("line base", Kit.title(shown.title()), actions),
                chips,
                Kit.div("gap", shown.facts()),
                Kit.div("faint gap", Kit.text(shown.how())));
    }

    private static Anchor file(String href, String name, String text) {
        Anchor a = new Anchor(href, text);
        a.addClassName("btn");
        a.getElement().setAttribute("router-ignore", true);
        a.getElement().setAttribute("download", name);
        return a;
    }

    private void compared(CircuitShown.Joined both) {
        graph.set(both.data());
        List<List<Component>> rows = new ArrayList<>();
        both.differences().forEach(d -> rows.add(List.of(Kit.text(d[0]), Kit.text(d[1]), Kit.text(d[2]))));
        Div table = Kit.table(List.of("largest differences", name, with), Set.of(1, 2), rows);
        table.addClassName("chart-table");
        table.getElement().setAttribute("tabindex", "0");
        table.getElement().setAttribute("role", "region");
        table.getElement().setAttribute("aria-label", "Largest differences");
        outcome.add(Kit.card(
                Kit.heading("Beside " + with, "violet: only in " + name + ", green: only in " + with),
                Kit.div("gap", CircuitNodeCard.figures(both.facts())),
                Kit.div("gap", table)));
    }

    private Component sliders() {
        Div marks = Kit.div("marks");
        List.of("feature", "error", "embedding").forEach(k -> {
            Kit.Element mark = new Kit.Element("i", k);
            marks.add(new Div(mark, Kit.text(k.equals("embedding") ? "token, logit" : k)));
        });
        return Kit.div(
                "",
                Kit.div(
                        "sliders",
                        slider("influence", "Nodes with % of the influence", look.influence(), v -> look.influence(v)),
                        slider("edges", "Edges with % of the weight", look.edges(), v -> look.edges(v))),
                Kit.div("gap", marks));
    }

    private Component slider(String id, String label, double value, DoubleConsumer changed) {
        Input range = new Input();
        range.setType("range");
        range.setId(id);
        range.getElement().setAttribute("min", "0.02");
        range.getElement().setAttribute("max", "1");
        range.getElement().setAttribute("step", "0.02");
        range.setValue(String.format(Locale.ROOT, "%.2f", value));
        var number = Kit.text("num", Num.fixed(100 * value, 0) + " %");
        range.getElement()
                .addPropertyChangeListener("value", "input", e -> {
                    double v = Double.parseDouble(String.valueOf(e.getValue()));
                    number.setText(Num.fixed(100 * v, 0) + " %");
                    changed.accept(v);
                    graph.look(look.drawn());
                    keep();
                })
                .throttle(80);
        return Kit.field(label, Kit.div("slider", range, number), range);
    }

    private Component pinnedHead() {
        partFigures.setId("part");
        partFigures.getElement().setAttribute("aria-live", "polite");
        return Kit.div("gap", partFigures);
    }

    /** Measures what is pinned, if that has changed. */
    private void part(CircuitShown shown) {
        Set<String> now = Set.copyOf(look.chosen());
        if (now.equals(measured) && !now.isEmpty()) {
            return;
        }
        measured = now;
        partFigures.removeAll();
        if (now.isEmpty()) {
            partMeter.stop();
            partFigures.add(Kit.text(
                    "faint", "Nothing is pinned yet: what you pin is drawn here with its names, and measured."));
            return;
        }
        Progress p = partMeter.begin();
        Background.run(
                this,
                () -> shown.part(now, p),
                figures -> {
                    if (partMeter.is(p)) {
                        partMeter.end();
                        partFigures.removeAll();
                        partFigures.add(Kit.fact(Num.whole(now.size()), "pinned", "nodes, those of groups too"));
                        figures.forEach(f -> partFigures.add(Kit.fact(f[0], f[1], f[2])));
                    }
                },
                sentence -> {
                    if (partMeter.is(p)) {
                        partMeter.end();
                        partFigures.removeAll();
                        partFigures.add(Kit.text("faint", sentence));
                    }
                });
    }

    private void save() {
        Background.run(
                this,
                () -> {
                    workbench.graphs().saveView(name, look.view());
                    return name;
                },
                n -> {
                    outcome.removeAll();
                    outcome.add(Kit.card(Kit.text("good", "Pins, groups and names are kept beside " + n + ".")));
                },
                sentence -> outcome.add(Kit.failure(sentence)));
    }

    /** Writes the state into the address. */
    private void keep() {
        Map<String, List<String>> q = new LinkedHashMap<>();
        if (!kind.isEmpty()) {
            q.put("kind", List.of(kind));
        }
        if (!with.isEmpty()) {
            q.put("with", List.of(with));
        }
        q.putAll(look.address());
        UI.getCurrent()
                .getPage()
                .getHistory()
                .replaceState(null, new Location("circuits/" + name, new QueryParameters(q)));
    }
}
