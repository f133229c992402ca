package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import dev.loupe.base.Progress;
import dev.loupe.graph.AblationCheck;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphComparison;
import dev.loupe.graph.GraphEdge;
import dev.loupe.graph.GraphNode;
import dev.loupe.graph.GraphScores;
import dev.loupe.graph.Intervention;
import dev.loupe.graph.InterventionResult;
import dev.loupe.graph.NodeKind;
import dev.loupe.patch.Agreement;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CircuitGraph;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** An attribution graph on the circuit page. */
final class GraphShown implements CircuitShown {
    private final Workbench workbench;
    private final AttributionGraph graph;
    private final Map<String, GraphNode> nodes;

    GraphShown(Workbench workbench, AttributionGraph graph) {
        this.workbench = workbench;
        this.graph = graph;
        this.nodes = graph.byId();
    }

    @Override
    public String name() {
        return graph.id();
    }

    @Override
    public String kind() {
        return "graph";
    }

    @Override
    public String title() {
        String asked = graph.request().prompt();
        String prompt = (asked.isBlank() ? String.join("", graph.tokens()) : asked).strip();
        String answer = graph.nodes().stream()
                .filter(n -> n.kind() == NodeKind.LOGIT)
                .max(Comparator.comparingDouble(GraphNode::probability))
                .map(GraphNode::shown)
                .orElse("");
        return "“" + (prompt.length() > 120 ? "…" + prompt.substring(prompt.length() - 120) : prompt) + "” → "
                + answer.strip();
    }

    @Override
    public String how() {
        return graph.method();
    }

    @Override
    public List<String> chips() {
        List<String> all = new ArrayList<>(List.of("attribution graph"));
        if (!graph.model().isEmpty()) {
            all.add(graph.model());
        }
        if (!graph.request().transcoders().isBlank()) {
            all.add(graph.request().transcoders());
        }
        return all;
    }

    @Override
    public Component facts() {
        Div f = Kit.facts();
        GraphScores scores = graph.scores();
        if (scores != null) {
            f.add(
                    Kit.fact(
                            Num.fixed(scores.replacement(), 3),
                            "replacement score",
                            "share of the influence that runs from the prompt to the answer through features alone, not errors"),
                    Kit.fact(
                            Num.fixed(scores.completeness(), 3),
                            "completeness score",
                            "share of features and embeddings in the incoming weights of nodes, weighted by influence"));
        }
        f.add(
                Kit.fact(Num.whole(graph.nodes().size()), "nodes kept", "within the share of influence asked for"),
                Kit.fact(Num.whole(graph.edges().size()), "edges kept", "direct effects between them"));
        if (graph.activeFeatures() > 0) {
            f.add(Kit.fact(
                    Num.whole(graph.activeFeatures()),
                    "active features",
                    "of all layers at all positions of the prompt"));
        }
        AblationCheck check = graph.check();
        Agreement agreement = check == null ? null : check.agreement();
        if (agreement != null) {
            f.add(Kit.fact(
                    Num.fixed(agreement.pearson(), 3),
                    "predicted against measured",
                    "Pearson correlation over ablations of the " + agreement.cells() + " nodes of most influence"));
        }
        return f;
    }

    @Override
    public CircuitGraph.Data data() {
        return CircuitData.of(graph, null);
    }

    @Override
    public @Nullable NodeText node(String id) {
        GraphNode n = nodes.get(id);
        if (n == null) {
            return null;
        }
        List<String[]> facts = new ArrayList<>();
        if (n.kind() == NodeKind.LOGIT) {
            facts.add(new String[] {Num.percent(n.probability()), "probability", "of the token after the prompt"});
            facts.add(new String[] {Num.signed(n.activation(), 3), "logit", "less the mean of all logits"});
        } else {
            facts.add(new String[] {Num.percent(n.influence()), "influence", "its share in the logits by all paths"});
            facts.add(new String[] {
                Num.activation(n.activation()),
                n.kind() == NodeKind.FEATURE ? "activation" : "length",
                n.kind() == NodeKind.FEATURE ? "of the feature at this position" : "of its vector"
            });
        }
        if (n.kind() == NodeKind.FEATURE || n.kind() == NodeKind.LOGIT) {
            facts.add(new String[] {
                Num.signed(n.constant(), 3), "constant", "what biases add, and what was cut off counted in"
            });
        }
        String token = n.position() < graph.tokens().size()
                ? graph.tokens().get(n.position()).replace(' ', '␣')
                : "";
        String where = n.kind() == NodeKind.LOGIT
                ? "after the last token"
                : (n.layer() < 0 ? "embedding" : "layer " + n.layer()) + ", position " + n.position() + " " + token;
        return new NodeText(
                id, n.kind().name().toLowerCase(Locale.ROOT), n.shown(), where, n.sae(), n.feature(), facts);
    }

    @Override
    public List<Link> into(String id) {
        return links(id, true);
    }

    @Override
    public List<Link> outOf(String id) {
        return links(id, false);
    }

    private List<Link> links(String id, boolean into) {
        List<Link> all = new ArrayList<>();
        for (GraphEdge e : graph.edges()) {
            if ((into ? e.target() : e.source()).equals(id)) {
                String other = into ? e.source() : e.target();
                all.add(new Link(other, named(other), e.weight()));
            }
        }
        all.sort(Comparator.comparingDouble(l -> -Math.abs(l.weight())));
        return all;
    }

    private String named(String id) {
        GraphNode n = nodes.get(id);
        return n == null ? id : n.shown() + (n.kind() == NodeKind.LOGIT ? "" : " @" + n.position());
    }

    @Override
    public List<String[]> part(Set<String> ids, Progress progress) {
        GraphScores s = workbench.graphs().scores(graph, ids, progress);
        return List.of(
                new String[] {
                    Num.fixed(s.replacement(), 3),
                    "replacement, pinned",
                    "share of the influence through pinned features alone; all other features count as error"
                },
                new String[] {
                    Num.fixed(s.completeness(), 3),
                    "completeness, pinned",
                    "share of pinned features and embeddings in the incoming weights"
                });
    }

    @Override
    public boolean scales() {
        return true;
    }

    @Override
    public boolean changes(String id) {
        GraphNode n = nodes.get(id);
        return n != null && n.kind() != NodeKind.LOGIT && !graph.modelChecksum().isEmpty();
    }

    @Override
    public CircuitChange change(List<String> ids, double factor, Progress progress) {
        InterventionResult r = workbench
                .graphs()
                .intervene(
                        graph,
                        ids.stream()
                                .filter(this::changes)
                                .map(i -> new Intervention(i, factor))
                                .toList(),
                        progress);
        return new CircuitChange(
                List.of(
                        new String[] {Num.signed(r.before(), 3), r.metric() + ", before", "in the ordinary run"},
                        new String[] {Num.signed(r.after(), 3), "after", "everything behind the nodes computed anew"},
                        new String[] {Num.signed(r.after() - r.before(), 3), "measured change", ""},
                        new String[] {Num.signed(r.predicted(), 3), "predicted", "by the edges of the graph"}),
                r.tokens().stream()
                        .map(t -> new CircuitChange.Token(t.text(), t.before(), t.after()))
                        .toList());
    }

    @Override
    public @Nullable Component below() {
        AblationCheck check = graph.check();
        if (check == null || check.ablations().isEmpty()) {
            return null;
        }
        int n = check.ablations().size();
        float[] x = new float[n];
        float[] y = new float[n];
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            AblationCheck.Ablation a = check.ablations().get(i);
            x[i] = (float) a.predicted();
            y[i] = (float) a.measured();
            names.add(named(a.node()));
        }
        Scatter scatter = new Scatter();
        scatter.set(new Scatter.Data(
                x,
                y,
                names,
                null,
                "predicted change",
                "measured change",
                null,
                null,
                null,
                true,
                "Ablations, predicted and measured"));
        Agreement all = check.agreement();
        Div facts = Kit.facts();
        if (all != null) {
            facts.add(
                    Kit.fact(Num.fixed(all.pearson(), 3), "Pearson", "linear correlation"),
                    Kit.fact(Num.fixed(all.spearman(), 3), "Spearman", "rank correlation"),
                    Kit.fact(Num.fixed(all.slope(), 3), "slope", "of prediction over measurement through 0"));
        }
        return Kit.card(
                Kit.heading(
                        "Is it true?",
                        "each of the " + n + " nodes of most influence taken away, everything behind it computed anew"),
                Kit.div("cols even", scatter, Kit.div("stack", facts, ablations(check))));
    }

    private Component ablations(AblationCheck check) {
        List<List<Component>> rows = new ArrayList<>();
        check.ablations()
                .forEach(a -> rows.add(List.of(
                        Kit.text(named(a.node())),
                        Kit.text(Num.signed(a.predicted(), 4)),
                        Kit.text(Num.signed(a.measured(), 4)))));
        Div table = Kit.table(List.of("node", "predicted", "measured"), Set.of(1, 2), rows);
        table.addClassName("chart-table");
        table.getElement().setAttribute("tabindex", "0");
        table.getElement().setAttribute("role", "region");
        table.getElement().setAttribute("aria-label", "Ablations");
        return table;
    }

    @Override
    public List<String> others() {
        return workbench.graphs().names().stream()
                .filter(n -> !n.equals(graph.id()))
                .toList();
    }

    @Override
    public Joined with(String other) {
        AttributionGraph b = workbench.graphs().get(other);
        GraphComparison c = workbench.graphs().compare(graph.id(), other);
        List<String[]> differences = new ArrayList<>();
        c.shared().stream()
                .filter(p -> p.difference() != 0)
                .limit(20)
                .forEach(p -> differences.add(
                        new String[] {named(p.a().id()), Num.percent(p.a().influence()), Num.percent(p.b().influence())
                        }));
        c.onlyA().stream()
                .limit(10)
                .forEach(n -> differences.add(new String[] {named(n.id()), Num.percent(n.influence()), "–"}));
        c.onlyB().stream()
                .limit(10)
                .forEach(n -> differences.add(
                        new String[] {n.shown() + " @" + n.position(), "–", Num.percent(n.influence())}));
        return new Joined(
                CircuitData.of(graph, b),
                List.of(
                        new String[] {
                            Num.fixed(c.nodeOverlap(), 2),
                            "of nodes in both",
                            "shared features and errors over all (Jaccard)"
                        },
                        new String[] {
                            Num.fixed(c.influenceOverlap(), 2),
                            "of influence in both",
                            "Σ min(influence) / Σ max(influence)"
                        },
                        new String[] {
                            c.tokens().size() + " of " + graph.tokens().size(),
                            "tokens differ",
                            c.tokens().stream()
                                    .map(t -> t.position() + ": " + Objects.toString(t.a(), "–") + " / "
                                            + Objects.toString(t.b(), "–"))
                                    .reduce((p, q) -> p + ", " + q)
                                    .orElse("")
                        }),
                differences);
    }
}
