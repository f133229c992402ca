package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.graph.GraphScores;
import dev.loupe.patch.Circuit;
import dev.loupe.service.Graphs;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Circuits: those that are saved, and new ones. */
@Route("circuits")
public final class CircuitsView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;
    private final Div outcome = Kit.div("stack");

    CircuitsView(Workbench workbench) {
        this.workbench = workbench;
        titled("Circuits");
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        removeAll();
        outcome.removeAll();
        List<Graphs.Entry> graphs = workbench.graphs().list();
        List<String> circuits = workbench.circuits().list();
        add(
                Kit.card(Kit.div(
                        "line base",
                        Kit.title("Circuits"),
                        Kit.text("dim", "which features caused an answer, and through which others"),
                        Kit.div(
                                "end",
                                new CircuitImport(
                                        workbench,
                                        name -> UI.getCurrent()
                                                .navigate("circuits/" + name, query(Map.of("kind", "graph"))),
                                        this::say)))),
                outcome,
                Kit.div(
                        "cols even",
                        new GraphForm(workbench, parameter(event.getLocation().getQueryParameters(), "prompt")),
                        new CircuitForm(workbench)));
        if (graphs.isEmpty() && circuits.isEmpty()) {
            add(Kit.empty(
                    "No circuit yet",
                    "Explain a prompt above, or let the demo train a transcoder for every MLP and open a solved graph.",
                    "./loupe demo --circuits"));
            return;
        }
        if (!graphs.isEmpty()) {
            add(Kit.card(Kit.heading("Attribution graphs", "one prompt, through transcoders"), table(graphs)));
        }
        if (!circuits.isEmpty()) {
            add(Kit.card(
                    Kit.heading("Feature circuits", "many pairs of prompts, over SAE latents"), circuits(circuits)));
        }
    }

    private void say(String sentence) {
        outcome.removeAll();
        outcome.add(Kit.failure(sentence));
    }

    private static Component table(List<Graphs.Entry> graphs) {
        List<List<Component>> rows = new ArrayList<>();
        for (Graphs.Entry g : graphs) {
            GraphScores s = g.scores();
            rows.add(List.of(
                    Kit.link("/circuits/" + g.id() + "?kind=graph", g.id()),
                    Kit.div(
                            "wrap",
                            Kit.text(g.prompt().strip()),
                            Kit.text("faint", " → " + g.explained().strip())),
                    Kit.text(Num.whole(g.nodes())),
                    Kit.text(Num.whole(g.edges())),
                    Kit.text(s == null ? "–" : Num.fixed(s.replacement(), 2)),
                    Kit.text(s == null ? "–" : Num.fixed(s.completeness(), 2))));
        }
        return Kit.table(
                List.of("name", "prompt", "nodes", "edges", "replacement", "completeness"), Set.of(2, 3, 4, 5), rows);
    }

    private Component circuits(List<String> names) {
        List<List<Component>> rows = new ArrayList<>();
        for (String name : names) {
            Circuit c = workbench.circuits().get(name);
            String task = c.request().patch().task();
            rows.add(List.of(
                    Kit.link("/circuits/" + name + "?kind=circuit", name),
                    Kit.div(
                            "wrap",
                            Kit.text(task == null ? String.join("", c.tokens()).strip() : "task " + task)),
                    Kit.text(String.join(", ", c.request().saes())),
                    Kit.text(Num.whole(c.nodes().size())),
                    Kit.text(Num.whole(c.edges().size())),
                    Kit.text(c.curves().getOrDefault(c.request().patch().method(), List.of()).stream()
                            .filter(p -> p.nodes() <= c.nodes().size())
                            .reduce((p, q) -> q)
                            .map(p -> Num.fixed(p.faithfulness(), 2) + " with " + p.nodes())
                            .orElse("–"))));
        }
        return Kit.table(List.of("name", "about", "SAEs", "nodes", "edges", "faithfulness"), Set.of(3, 4, 5), rows);
    }
}
