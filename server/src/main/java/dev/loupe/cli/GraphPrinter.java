package dev.loupe.cli;

import dev.loupe.graph.AblationCheck;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphComparison;
import dev.loupe.graph.GraphNode;
import dev.loupe.graph.GraphScores;
import dev.loupe.graph.InterventionResult;
import dev.loupe.graph.NodeKind;
import dev.loupe.patch.Agreement;
import dev.loupe.service.Graphs;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Attribution graphs as tables in a terminal. */
final class GraphPrinter {
    private GraphPrinter() {}

    static void print(Session session, List<Graphs.Entry> entries) {
        Table table = new Table("graph", "explains", "nodes", "edges", "replacement", "completeness", "prompt");
        for (Graphs.Entry e : entries) {
            GraphScores s = e.scores();
            table.row(
                    e.id(),
                    line(e.explained()),
                    e.nodes(),
                    e.edges(),
                    s == null ? "-" : number("%.3f", s.replacement()),
                    s == null ? "-" : number("%.3f", s.completeness()),
                    line(e.prompt()));
        }
        table.print(session.out);
    }

    static void print(Session session, AttributionGraph g) {
        session.out.println(g.method());
        session.out.printf(
                Locale.ROOT,
                "%d nodes, %d edges; %d features active, %d with incoming edges; %.1f s%n",
                g.nodes().size(),
                g.edges().size(),
                g.activeFeatures(),
                g.targetFeatures(),
                g.seconds());
        scores(session, "whole graph", g.scores());
        scores(session, "what is kept", g.keptScores());
        Table logits = new Table("explains", "value", "probability");
        g.nodes().stream()
                .filter(n -> n.kind() == NodeKind.LOGIT)
                .forEach(n ->
                        logits.row(line(n.shown()), number("%.3f", n.activation()), number("%.3f", n.probability())));
        logits.print(session.out);
        AblationCheck check = g.check();
        Map<String, AblationCheck.Ablation> measured = new LinkedHashMap<>();
        if (check != null) {
            check.ablations().forEach(a -> measured.put(a.node(), a));
        }
        Table table = new Table("node", "at", "label", "activation", "influence", "predicted", "measured");
        g.nodes().stream()
                .filter(n -> n.kind() != NodeKind.LOGIT)
                .sorted(Comparator.comparingDouble(n -> -n.influence()))
                .limit(20)
                .forEach(n -> row(table, g, n, measured.get(n.id())));
        table.print(session.out);
        if (check != null) {
            session.out.println("without a node: change of the " + line(check.metric()) + " ("
                    + number("%.3f", check.base()) + ")");
            agreement(session, "all of them", check.agreement());
            agreement(session, "the features", check.features());
        }
    }

    private static void row(Table table, AttributionGraph g, GraphNode n, AblationCheck.@Nullable Ablation measured) {
        table.row(
                n.id(),
                n.position() < g.tokens().size() ? line(g.tokens().get(n.position())) : "",
                line(n.shown()),
                number("%.3f", n.activation()),
                number("%.4f", n.influence()),
                measured == null ? "-" : number("%.4f", measured.predicted()),
                measured == null ? "-" : number("%.4f", measured.measured()));
    }

    private static void scores(Session session, String what, @Nullable GraphScores s) {
        if (s != null) {
            session.out.printf(
                    Locale.ROOT,
                    "%s: replacement score %.3f, completeness score %.3f%n",
                    what,
                    s.replacement(),
                    s.completeness());
        }
    }

    private static void agreement(Session session, String what, @Nullable Agreement a) {
        if (a != null) {
            session.out.printf(
                    Locale.ROOT,
                    "prediction against measurement, %s (%d): Pearson %.3f, Spearman %.3f, slope %.3f%n",
                    what,
                    a.cells(),
                    a.pearson(),
                    a.spearman(),
                    a.slope());
        }
    }

    static void print(Session session, GraphScores s, int nodes) {
        scores(session, nodes + " nodes, the other features counted as errors", s);
    }

    static void print(Session session, InterventionResult r) {
        session.out.printf(
                Locale.ROOT,
                "%s: %.4f before, %.4f after; change %.4f, predicted %.4f%n",
                line(r.metric()),
                r.before(),
                r.after(),
                r.after() - r.before(),
                r.predicted());
        Table table = new Table("token", "before", "after");
        r.tokens().forEach(t -> table.row(line(t.text()), number("%.4f", t.before()), number("%.4f", t.after())));
        table.print(session.out);
    }

    static void print(Session session, GraphComparison c) {
        session.out.printf(
                Locale.ROOT,
                "%s and %s: %d nodes in both, %d and %d in one alone; overlap of nodes %.3f, of influence %.3f%n",
                c.a(),
                c.b(),
                c.shared().size(),
                c.onlyA().size(),
                c.onlyB().size(),
                c.nodeOverlap(),
                c.influenceOverlap());
        Table tokens = new Table("position", c.a(), c.b());
        c.tokens().forEach(t -> tokens.row(t.position(), line(t.a()), line(t.b())));
        if (!c.tokens().isEmpty()) {
            tokens.print(session.out);
        }
        Table nodes = new Table("node", "label", "influence in " + c.a(), "in " + c.b());
        c.shared().stream()
                .limit(10)
                .forEach(p -> nodes.row(
                        p.a().id(),
                        line(p.a().shown()),
                        number("%.4f", p.a().influence()),
                        number("%.4f", p.b().influence())));
        c.onlyA().stream()
                .limit(10)
                .forEach(n -> nodes.row(n.id(), line(n.shown()), number("%.4f", n.influence()), "-"));
        c.onlyB().stream()
                .limit(10)
                .forEach(n -> nodes.row(n.id(), line(n.shown()), "-", number("%.4f", n.influence())));
        nodes.print(session.out);
    }

    private static String number(String form, double value) {
        return String.format(Locale.ROOT, form, value);
    }

    private static String line(@Nullable String text) {
        return text == null ? "-" : text.replace("\n", "\\n");
    }
}
