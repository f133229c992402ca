package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitPart;
import dev.loupe.service.CircuitComparison;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CircuitGraph;
import dev.loupe.ui.element.CurveChart;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A sparse feature circuit on the circuit page. */
final class FeatureCircuitShown implements CircuitShown {
    private final Workbench workbench;
    private final Circuit circuit;
    private final Map<String, Circuit.Node> nodes = new HashMap<>();
    private final Map<String, String> labels = new HashMap<>();

    FeatureCircuitShown(Workbench workbench, Circuit circuit) {
        this.workbench = workbench;
        this.circuit = circuit;
        List<String> indexed = workbench.features().indexed();
        for (Circuit.Node n : circuit.nodes()) {
            nodes.put(n.id(), n);
            Integer latent = n.latent();
            if (latent != null && indexed.contains(n.sae())) {
                var index = workbench.features().index(n.sae());
                if (latent < index.size()) {
                    FeatureSummary f = index.summary(latent);
                    labels.put(n.id(), f.label());
                }
            }
        }
    }

    @Override
    public String name() {
        return circuit.id();
    }

    @Override
    public String kind() {
        return "circuit";
    }

    @Override
    public String title() {
        String task = circuit.request().patch().task();
        return task == null ? String.join("", circuit.tokens()).strip() : "Task " + task;
    }

    @Override
    public String how() {
        return circuit.how();
    }

    @Override
    public List<String> chips() {
        List<String> all = new ArrayList<>(List.of("feature circuit"));
        String model = circuit.request().patch().model();
        all.add(model == null ? "builtin" : model);
        all.addAll(circuit.request().saes());
        return all;
    }

    @Override
    public Component facts() {
        Div f = Kit.facts(
                Kit.fact(
                        circuit.nodes().size() + " of " + Num.whole(circuit.candidates()),
                        "latents and errors",
                        "largest effects of those that differ between the runs"),
                Kit.fact(Num.whole(circuit.edges().size()), "edges", "direct effects between them"),
                Kit.fact(
                        Num.signed(circuit.whole(), 3),
                        circuit.unit() + ", whole model",
                        "metric of the clean prompts with nothing ablated"),
                Kit.fact(Num.signed(circuit.empty(), 3), "all ablated", "every latent and error replaced by its mean"));
        List<Circuit.Point> curve =
                circuit.curves().getOrDefault(circuit.request().patch().method(), List.of());
        curve.stream()
                .filter(p -> p.nodes() <= circuit.nodes().size())
                .reduce((p, q) -> q)
                .ifPresent(p -> f.add(Kit.fact(
                        Num.fixed(p.faithfulness(), 2),
                        "faithfulness of " + p.nodes() + " nodes",
                        "share of the behaviour that they keep alone")));
        return f;
    }

    @Override
    public CircuitGraph.Data data() {
        return labelled(CircuitData.of(circuit, null));
    }

    private CircuitGraph.Data labelled(CircuitGraph.Data d) {
        return new CircuitGraph.Data(
                d.tokens(),
                d.rows(),
                d.nodes().stream()
                        .map(n -> new CircuitGraph.Node(
                                n.id(),
                                n.kind(),
                                n.row(),
                                n.position(),
                                n.text(),
                                labels.get(n.id()),
                                n.influence(),
                                n.cumulative(),
                                n.value(),
                                n.sign(),
                                n.side()))
                        .toList(),
                d.from(),
                d.to(),
                d.weights(),
                d.shares(),
                d.valueName(),
                d.label());
    }

    private String named(String id) {
        Circuit.Node n = nodes.get(id);
        if (n == null) {
            return id;
        }
        String label = labels.get(id);
        return label != null ? label : n.latent() == null ? "error of " + n.sae() : id;
    }

    @Override
    public @Nullable NodeText node(String id) {
        Circuit.Node n = nodes.get(id);
        if (n == null) {
            return null;
        }
        String token = n.position() < circuit.tokens().size()
                ? circuit.tokens().get(n.position()).replace(' ', '␣')
                : "";
        return new NodeText(
                id,
                n.latent() == null ? "error" : "feature",
                named(id),
                n.hook() + ", strongest at position " + n.position() + " " + token,
                n.sae(),
                n.latent(),
                List.<String[]>of(new String[] {
                    Num.signed(n.effect(), 4),
                    circuit.unit(),
                    "effect of its clean value in the corrupted run, summed over positions, mean over pairs"
                }));
    }

    @Override
    public List<Link> into(String id) {
        return circuit.edges().stream()
                .filter(e -> e.target().equals(id))
                .map(e -> new Link(e.source(), named(e.source()), e.weight()))
                .sorted(Comparator.comparingDouble(l -> -Math.abs(l.weight())))
                .toList();
    }

    @Override
    public List<Link> outOf(String id) {
        return circuit.edges().stream()
                .filter(e -> e.source().equals(id))
                .map(e -> new Link(e.target(), named(e.target()), e.weight()))
                .sorted(Comparator.comparingDouble(l -> -Math.abs(l.weight())))
                .toList();
    }

    @Override
    public List<String[]> part(Set<String> ids, Progress progress) {
        CircuitPart p = workbench.circuits().part(circuit.id(), ids, progress);
        return List.of(
                new String[] {
                    Num.fixed(p.faithfulness(), 3),
                    "faithfulness",
                    "(m(pinned) − m(none)) / (m(all) − m(none)): what the pinned nodes keep alone"
                },
                new String[] {
                    Num.fixed(p.completeness(), 3),
                    "left without them",
                    "(m(all but pinned) − m(none)) / (m(all) − m(none))"
                });
    }

    @Override
    public boolean scales() {
        return false;
    }

    @Override
    public boolean changes(String id) {
        return nodes.containsKey(id);
    }

    @Override
    public CircuitChange change(List<String> ids, double factor, Progress progress) {
        CircuitPart p = workbench.circuits().part(circuit.id(), Set.copyOf(ids), progress);
        return new CircuitChange(
                List.of(
                        new String[] {
                            Num.signed(circuit.whole(), 3), circuit.unit() + " before", "metric of the clean prompts"
                        },
                        new String[] {
                            Num.signed(p.without(), 3), "without", "the same with these nodes at their corrupted means"
                        },
                        new String[] {Num.signed(p.without() - circuit.whole(), 3), "measured change", ""}),
                List.of());
    }

    @Override
    public @Nullable Component below() {
        if (circuit.curves().isEmpty()) {
            return null;
        }
        List<CurveChart.Series> faith = new ArrayList<>();
        List<CurveChart.Series> complete = new ArrayList<>();
        circuit.curves().forEach((method, points) -> {
            double[] x = points.stream().mapToDouble(Circuit.Point::nodes).toArray();
            faith.add(new CurveChart.Series(
                    method,
                    x,
                    points.stream().mapToDouble(Circuit.Point::faithfulness).toArray()));
            complete.add(new CurveChart.Series(
                    method,
                    x,
                    points.stream().mapToDouble(Circuit.Point::completeness).toArray()));
        });
        return Kit.div(
                "cols even",
                Kit.card(
                        Kit.heading("Faithfulness", "what the largest nodes keep alone"), curve(faith, "faithfulness")),
                Kit.card(
                        Kit.heading("Completeness", "what is left without them"),
                        curve(complete, "left without them")));
    }

    private static CurveChart curve(List<CurveChart.Series> series, String name) {
        CurveChart chart = new CurveChart();
        chart.set(new CurveChart.Data(series, "nodes", name, null, null, null, null, true, false, 200, null, null));
        return chart;
    }

    @Override
    public List<String> others() {
        return workbench.circuits().list().stream()
                .filter(n -> !n.equals(circuit.id()))
                .toList();
    }

    @Override
    public Joined with(String other) {
        Circuit b = workbench.circuits().get(other);
        CircuitComparison c = workbench.circuits().compare(circuit.id(), other);
        List<String[]> differences = new ArrayList<>();
        c.shared().stream()
                .limit(20)
                .forEach(p -> differences.add(
                        new String[] {named(p.a().id()), Num.signed(p.a().effect(), 4), Num.signed(p.b().effect(), 4)
                        }));
        c.onlyA().stream()
                .limit(10)
                .forEach(n -> differences.add(new String[] {named(n.id()), Num.signed(n.effect(), 4), "–"}));
        c.onlyB().stream()
                .limit(10)
                .forEach(n -> differences.add(new String[] {n.id(), "–", Num.signed(n.effect(), 4)}));
        return new Joined(
                labelled(CircuitData.of(circuit, b)),
                List.of(
                        new String[] {
                            Num.fixed(c.nodeOverlap(), 2), "of nodes in both", "shared nodes over all (Jaccard)"
                        },
                        new String[] {
                            Num.fixed(c.effectOverlap(), 2), "of effect in both", "Σ min |effect| / Σ max |effect|"
                        },
                        new String[] {
                            c.onlyA().size() + " + " + c.onlyB().size(), "in one alone", circuit.id() + ", " + other
                        }),
                differences);
    }
}
