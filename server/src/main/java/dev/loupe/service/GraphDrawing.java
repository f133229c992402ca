package dev.loupe.service;

import dev.loupe.base.Markup;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphEdge;
import dev.loupe.graph.GraphNode;
import dev.loupe.graph.NodeKind;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Attribution graphs as pictures: Graphviz' DOT and SVG; layers upwards, positions to the right. */
final class GraphDrawing {
    private static final int MOST_EDGES = 400;
    private static final int COLUMN = 110;
    private static final int ROW = 70;

    private GraphDrawing() {}

    /** As DOT. */
    static String dot(AttributionGraph g) {
        StringBuilder s = new StringBuilder("digraph attribution {\n  rankdir=BT;\n  node [fontname=\"Helvetica\"];\n");
        for (GraphNode n : g.nodes()) {
            s.append(String.format(
                    Locale.ROOT,
                    "  %s [label=%s, shape=%s, tooltip=%s];%n",
                    Drawn.quoted(n.id()),
                    Drawn.quoted(n.shown() + "\n" + token(g, n)),
                    shape(n.kind()),
                    Drawn.quoted(String.format(Locale.ROOT, "influence %.4f", n.influence()))));
        }
        double largest = largest(g);
        for (GraphEdge e : edges(g)) {
            s.append(String.format(
                    Locale.ROOT,
                    "  %s -> %s [penwidth=%.2f, color=\"%s\", tooltip=\"%.4f\"];%n",
                    Drawn.quoted(e.source()),
                    Drawn.quoted(e.target()),
                    width(e, largest),
                    Drawn.colour(e.weight()),
                    e.weight()));
        }
        return s.append("}\n").toString();
    }

    /** As SVG. */
    static String svg(AttributionGraph g) {
        int width = COLUMN * (g.tokens().size() + 1) + 40;
        int height = ROW * (g.layers() + 3);
        Map<String, double[]> at = places(g, height);
        StringBuilder s = new StringBuilder(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
                        + " font-size=\"11\">%n",
                width,
                height));
        double largest = largest(g);
        for (GraphEdge e : edges(g)) {
            double[] a = at.get(e.source());
            double[] b = at.get(e.target());
            if (a != null && b != null) {
                s.append(String.format(
                        Locale.ROOT,
                        "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\" stroke-width=\"%.2f\" stroke-opacity=\"0.4\">"
                                + "<title>%s to %s: %.4f</title></path>%n",
                        a[0],
                        a[1],
                        b[0],
                        b[1],
                        Drawn.colour(e.weight()),
                        width(e, largest),
                        Markup.escaped(e.source()),
                        Markup.escaped(e.target()),
                        e.weight()));
            }
        }
        for (GraphNode n : g.nodes()) {
            double[] p = at.getOrDefault(n.id(), new double[2]);
            s.append(String.format(
                    Locale.ROOT,
                    "%s fill=\"%s\"><title>%s at %s: influence %.4f</title></%s>%n",
                    outline(n.kind(), p),
                    n.kind() == NodeKind.ERROR ? "#9ca3af" : "#1f2937",
                    Markup.escaped(n.shown()),
                    Markup.escaped(token(g, n)),
                    n.influence(),
                    n.kind() == NodeKind.FEATURE ? "circle" : "rect"));
            if (n.kind() == NodeKind.LOGIT) {
                s.append(String.format(
                        Locale.ROOT,
                        "<text x=\"%.1f\" y=\"%.1f\">%s</text>%n",
                        p[0] + 8,
                        p[1] + 4,
                        Markup.escaped(n.shown())));
            }
        }
        for (int l = 0; l < g.layers(); l++) {
            s.append(String.format(
                    Locale.ROOT, "<text x=\"4\" y=\"%.1f\">L%d</text>%n", height - ROW * (l + 2.0) + 4, l));
        }
        for (int p = 0; p < g.tokens().size(); p++) {
            s.append(String.format(
                    Locale.ROOT,
                    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
                    40 + COLUMN * p + COLUMN / 2,
                    height - 12,
                    Markup.escaped(g.tokens().get(p))));
        }
        return s.append("</svg>\n").toString();
    }

    private static Map<String, double[]> places(AttributionGraph g, int height) {
        Map<String, double[]> at = new HashMap<>();
        Map<String, Integer> taken = new HashMap<>();
        for (GraphNode n : g.nodes()) {
            int k = taken.merge(n.layer() + " " + n.position(), 1, Integer::sum) - 1;
            boolean logit = n.kind() == NodeKind.LOGIT; // below one another, because their text stands beside them
            double x = 40 + COLUMN * n.position() + (logit ? COLUMN / 2.0 : 10 + k % 7 * 14);
            double y = height - ROW * (n.layer() + 2.0) - (logit ? k * 14 : k / 7 * 13);
            at.put(n.id(), new double[] {x, y});
        }
        return at;
    }

    private static String outline(NodeKind kind, double[] p) {
        return kind == NodeKind.FEATURE
                ? String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"", p[0], p[1])
                : String.format(
                        Locale.ROOT, "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\"", p[0] - 4, p[1] - 4);
    }

    private static String shape(NodeKind kind) {
        return switch (kind) {
            case FEATURE -> "ellipse";
            case ERROR -> "diamond";
            case EMBEDDING, LOGIT -> "box";
        };
    }

    private static List<GraphEdge> edges(AttributionGraph g) {
        return g.edges().subList(0, Math.min(MOST_EDGES, g.edges().size()));
    }

    private static double largest(AttributionGraph g) {
        return g.edges().stream().mapToDouble(e -> Math.abs(e.weight())).max().orElse(1);
    }

    private static double width(GraphEdge e, double largest) {
        return 0.3 + 3 * Math.abs(e.weight()) / largest;
    }

    private static String token(AttributionGraph g, GraphNode n) {
        return n.position() < g.tokens().size() ? g.tokens().get(n.position()) : "";
    }
}
