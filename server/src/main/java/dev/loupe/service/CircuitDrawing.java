package dev.loupe.service;

import dev.loupe.base.Markup;
import dev.loupe.patch.Circuit;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Circuits as pictures: Graphviz' DOT and SVG; layers upwards, positions to the right. */
public final class CircuitDrawing {
    private static final int MOST_EDGES = 300;
    private static final int COLUMN = 110;
    private static final int ROW = 70;

    private CircuitDrawing() {}

    /** As DOT. */
    public static String dot(Circuit c) {
        StringBuilder s = new StringBuilder("digraph circuit {\n  rankdir=BT;\n  node [fontname=\"Helvetica\"];\n");
        for (Circuit.Node n : c.nodes()) {
            s.append(String.format(
                    Locale.ROOT,
                    "  %s [label=%s, shape=%s, tooltip=\"effect %.4f\", color=\"%s\"];%n",
                    Drawn.quoted(n.id()),
                    Drawn.quoted(n.id() + "\n" + token(c, n)),
                    n.latent() == null ? "diamond" : "ellipse",
                    n.effect(),
                    Drawn.colour(n.effect())));
        }
        double largest = largest(c);
        for (Circuit.Edge e :
                c.edges().subList(0, Math.min(MOST_EDGES, c.edges().size()))) {
            s.append(String.format(
                    Locale.ROOT,
                    "  %s -> %s [penwidth=%.2f, color=\"%s\", tooltip=\"%.4f\"];%n",
                    Drawn.quoted(e.source()),
                    Drawn.quoted(e.target()),
                    0.3 + 3 * Math.abs(e.weight()) / largest,
                    Drawn.colour(e.weight()),
                    e.weight()));
        }
        return s.append("}\n").toString();
    }

    /** As SVG. */
    public static String svg(Circuit c) {
        List<String> hooks = c.nodes().stream()
                .map(Circuit.Node::hook)
                .distinct()
                .sorted(java.util.Comparator.comparingInt((String h) -> layer(c, h))
                        .thenComparing(h -> h))
                .toList();
        Map<String, double[]> at = new HashMap<>();
        Map<String, Integer> taken = new HashMap<>();
        int width = COLUMN * (c.tokens().size() + 2);
        int height = ROW * (hooks.size() + 2);
        for (Circuit.Node n : c.nodes()) {
            int row = hooks.indexOf(n.hook());
            int k = taken.merge(row + " " + n.position(), 1, Integer::sum) - 1;
            at.put(n.id(), new double[] {
                COLUMN * (n.position() + 1.5) + (k % 6) * 15 - 30, height - ROW * (row + 1.5) - (k / 6) * 13
            });
        }
        StringBuilder s = new StringBuilder(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
                        + " font-size=\"11\">%n",
                width,
                height));
        double largest = largest(c);
        for (Circuit.Edge e :
                c.edges().subList(0, Math.min(MOST_EDGES, c.edges().size()))) {
            double[] a = at.get(e.source());
            double[] b = at.get(e.target());
            if (a != null && b != null) {
                s.append(String.format(
                        Locale.ROOT,
                        "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\" stroke-width=\"%.2f\" stroke-opacity=\"0.5\">"
                                + "<title>%s to %s: %.4f</title></path>%n",
                        a[0],
                        a[1],
                        b[0],
                        b[1],
                        Drawn.colour(e.weight()),
                        0.3 + 3 * Math.abs(e.weight()) / largest,
                        Markup.escaped(e.source()),
                        Markup.escaped(e.target()),
                        e.weight()));
            }
        }
        for (Circuit.Node n : c.nodes()) {
            double[] p = at.getOrDefault(n.id(), new double[2]);
            String shape = n.latent() == null
                    ? String.format(
                            Locale.ROOT, "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\"", p[0] - 4, p[1] - 4)
                    : String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"", p[0], p[1]);
            s.append(shape)
                    .append(String.format(
                            Locale.ROOT,
                            " fill=\"%s\"><title>%s at %s: %.4f</title>",
                            Drawn.colour(n.effect()),
                            Markup.escaped(n.id()),
                            Markup.escaped(token(c, n)),
                            n.effect()))
                    .append(n.latent() == null ? "</rect>\n" : "</circle>\n");
        }
        for (int i = 0; i < hooks.size(); i++) {
            s.append(String.format(
                    Locale.ROOT,
                    "<text x=\"4\" y=\"%.1f\">%s</text>%n",
                    height - ROW * (i + 1.5),
                    Markup.escaped(hooks.get(i).replace("blocks.", "L").replace("hook_", ""))));
        }
        for (int i = 0; i < c.tokens().size(); i++) {
            s.append(String.format(
                    Locale.ROOT,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
                    COLUMN * (i + 1.5),
                    height - 12,
                    Markup.escaped(c.tokens().get(i))));
        }
        return s.append("</svg>\n").toString();
    }

    private static int layer(Circuit c, String hook) {
        return c.nodes().stream()
                .filter(n -> n.hook().equals(hook))
                .mapToInt(Circuit.Node::layer)
                .findFirst()
                .orElse(0);
    }

    private static double largest(Circuit c) {
        return c.edges().stream().mapToDouble(e -> Math.abs(e.weight())).max().orElse(1);
    }

    private static String token(Circuit c, Circuit.Node n) {
        return n.position() < c.tokens().size() ? c.tokens().get(n.position()) : "";
    }
}
