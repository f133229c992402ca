package dev.loupe.service;

import dev.loupe.base.Markup;
import dev.loupe.feature.Example;
import dev.loupe.feature.ExampleBand;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.LabelCandidate;
import dev.loupe.feature.TokenLogit;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Feature pages as one file of HTML: no script, no address outside, every text escaped. */
final class FeatureHtml {
    private static final String STYLE = """
            :root{color-scheme:light dark}
            body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
            h2{margin:2rem 0 .3rem}small,.dim{color:GrayText}
            table{border-collapse:collapse;margin:.5rem 0;display:block;overflow-x:auto}p,h1,h2{overflow-wrap:anywhere}
            td,th{padding:.1rem .6rem;text-align:left;font-weight:400}
            .ex{margin:.2rem 0;font:13px/1.6 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
            .t{background:rgb(230 126 34/var(--a));border-radius:2px}.s{color:#000}
            .ends{display:flex;justify-content:space-between}summary{cursor:pointer;color:GrayText}
            .bars{display:flex;align-items:flex-end;height:70px;gap:1px;margin:.5rem 0}
            .bars i{flex:1;background:#2d7d9a;min-height:1px}
            """;

    private FeatureHtml() {}

    /**
     * Features of one SAE.
     *
     * @param comments by feature, why it is here; empty where nobody said
     */
    record Part(FeatureIndex index, List<Integer> ids, List<Explanation> explanations, Map<Integer, String> comments) {}

    /** One page; {@code about} stands under its title. */
    static String page(String title, String about, List<Part> parts) {
        StringBuilder html = new StringBuilder();
        html.append("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">")
                .append("<meta name=\"viewport\" content=\"width=device-width\"><title>")
                .append(Markup.escaped(title))
                .append("</title><style>")
                .append(STYLE)
                .append("</style><h1>")
                .append(Markup.escaped(title))
                .append("</h1>");
        if (!about.isBlank()) {
            html.append("<p>").append(Markup.escaped(about)).append("</p>");
        }
        parts.forEach(p -> part(html, p));
        return html.append("</html>\n").toString();
    }

    private static void part(StringBuilder html, Part part) {
        FeatureIndex index = part.index();
        html.append("<p class=\"dim\">SAE ")
                .append(Markup.escaped(index.sae()))
                .append(", ")
                .append(Markup.escaped(index.manifest().model()))
                .append(", ")
                .append(Markup.escaped(index.manifest().hook()))
                .append(", ")
                .append(index.manifest().tokens())
                .append(" tokens</p>\n");
        float max = 0;
        for (int id : part.ids()) {
            max = Math.max(max, index.summary(id).max());
        }
        for (int id : part.ids()) {
            feature(html, index.detail(id), part, max);
        }
    }

    private static void feature(StringBuilder html, FeatureDetail f, Part part, float max) {
        int id = f.summary().id();
        html.append("<section><h2>")
                .append(id)
                .append(" · ")
                .append(Markup.escaped(f.summary().label()));
        html.append("</h2><small>density ")
                .append(number(100 * f.summary().density()))
                .append(" %, max ")
                .append(number(f.summary().max()))
                .append("</small>");
        String comment = part.comments().get(id);
        if (comment != null && !comment.isBlank()) {
            html.append("<p>").append(Markup.escaped(comment)).append("</p>");
        }
        html.append("<table><tr><th>rule<th>says<th>coverage<th>balanced accuracy<th>correlation</tr>");
        for (LabelCandidate c : f.labels()) {
            html.append("<tr><td>")
                    .append(Markup.escaped(c.kind()))
                    .append("<td>")
                    .append(Markup.escaped(c.text()))
                    .append("<td>")
                    .append(maybe(c.coverage()))
                    .append("<td>")
                    .append(maybe(c.balancedAccuracy()))
                    .append("<td>")
                    .append(maybe(c.correlation()))
                    .append("</tr>");
        }
        for (Explanation e : part.explanations()) {
            if (e.feature() == id) {
                html.append("<tr><td>")
                        .append(Markup.escaped(e.kind()))
                        .append("<td>")
                        .append(Markup.escaped(e.text()))
                        .append("<td><td>")
                        .append(maybe(e.detection()))
                        .append("<td></tr>");
            }
        }
        html.append("</table>");
        bars(html, f);
        logits(html, "promotes", f.promoted());
        logits(html, "suppresses", f.suppressed());
        related(html, f);
        for (Example e : f.examples()) {
            example(html, e, max);
        }
        for (ExampleBand band : f.bands()) {
            if (!band.examples().isEmpty()) {
                html.append("<details><summary>")
                        .append(Markup.escaped(band.name()))
                        .append(", ")
                        .append(number(band.low()))
                        .append(" to ")
                        .append(number(band.high()))
                        .append("</summary>");
                for (Example e : band.examples()) {
                    example(html, e, max);
                }
                html.append("</details>");
            }
        }
        html.append("</section>\n");
    }

    private static void bars(StringBuilder html, FeatureDetail f) {
        long most = 1;
        for (long c : f.histogram().counts()) {
            most = Math.max(most, c);
        }
        html.append("<div class=\"bars\" role=\"img\" aria-label=\"histogram of activations\">");
        for (long c : f.histogram().counts()) {
            double height = Math.log1p(c) / Math.log1p(most); // as on the feature's page
            html.append("<i style=\"height:")
                    .append(number(100 * height))
                    .append("%\" title=\"")
                    .append(c)
                    .append("\"></i>");
        }
        html.append("</div>");
        double[] edges = f.histogram().edges();
        if (edges.length > 0) {
            html.append("<div class=\"ends\"><small>")
                    .append(number(edges[0]))
                    .append("</small><small>activation (log), tokens (log)</small><small>")
                    .append(number(edges[edges.length - 1]))
                    .append("</small></div>");
        }
    }

    /** Languages and neighbours, by name. */
    private static void related(StringBuilder html, FeatureDetail f) {
        String where = f.labelRates().stream()
                .filter(r -> !r.label().isEmpty() && r.fired() > 0)
                .sorted(Comparator.comparingDouble(r -> -r.rate()))
                .limit(6)
                .map(r -> Markup.escaped(r.label()) + " " + number(100 * r.rate()) + " %")
                .collect(Collectors.joining(", "));
        if (!where.isEmpty()) {
            html.append("<p>fires on: ").append(where).append(" of tokens</p>");
        }
        String near = f.nearest().stream()
                .limit(6)
                .map(n -> n.id() + " " + Markup.escaped(n.label()) + " (" + number(n.cosine()) + ")")
                .collect(Collectors.joining("; "));
        if (!near.isEmpty()) {
            html.append("<p>points the same way: ").append(near).append("</p>");
        }
    }

    private static void logits(StringBuilder html, String what, List<TokenLogit> tokens) {
        if (!tokens.isEmpty()) {
            html.append("<p>").append(what).append(':');
            tokens.forEach(t -> html.append(" <code>")
                    .append(Markup.escaped(shown(t.text())))
                    .append("</code> ")
                    .append(number(t.value())));
            html.append("</p>");
        }
    }

    private static void example(StringBuilder html, Example e, float max) {
        html.append("<div class=\"ex\"><small>").append(number(e.max())).append("</small> ");
        for (int t = 0; t < e.tokens().size(); t++) {
            String token = Markup.escaped(shown(e.tokens().get(t)));
            double share = max > 0 ? e.values()[t] / max : 0;
            if (share > 0) {
                // weak tokens stay visible
                double alpha = 0.05 + 0.85 * Math.log10(1 + 9 * Math.min(1, share));
                html.append(alpha > 0.72 ? "<span class=\"t s\" style=\"--a:" : "<span class=\"t\" style=\"--a:")
                        .append(number(alpha))
                        .append("\" title=\"")
                        .append(number(e.values()[t]))
                        .append("\">")
                        .append(token)
                        .append("</span>");
            } else {
                html.append(token);
            }
        }
        html.append("</div>");
    }

    private static String shown(String token) {
        return token.replace("\n", "↵").replace("\r", "␍").replace("\t", "⇥");
    }

    private static String maybe(@org.jspecify.annotations.Nullable Double value) {
        return value == null ? "" : String.format(Locale.ROOT, "%.3f", value);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3g", value);
    }
}
