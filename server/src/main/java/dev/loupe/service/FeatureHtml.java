package dev.loupe.service;

import dev.loupe.base.Fmt;
import dev.loupe.base.Markup;
import dev.loupe.feature.Example;
import dev.loupe.feature.ExampleBand;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.LabelCandidate;
import dev.loupe.feature.LabelRate;
import dev.loupe.feature.LabelScore;
import dev.loupe.feature.Neighbour;
import dev.loupe.feature.TokenLogit;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Feature pages as one file of HTML: no script, no address outside, every text escaped. */
final class FeatureHtml {
    private static final int ROWS = 8;

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
                .append(FeatureHtmlStyle.CSS)
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
                .append(" · ")
                .append(Markup.escaped(index.manifest().model()))
                .append(" · ")
                .append(Markup.escaped(index.manifest().hook()))
                .append(" · ")
                .append(whole(index.manifest().tokens()))
                .append(" tokens</p>\n");
        float max = 0;
        for (int id : part.ids()) {
            max = Math.max(max, index.summary(id).max());
        }
        if (part.ids().size() > 1) {
            html.append("<nav>");
            for (int id : part.ids()) {
                html.append("<a href=\"#")
                        .append(anchor(part, id))
                        .append("\">")
                        .append(title(index.summary(id)))
                        .append("</a>");
            }
            html.append("</nav>");
        }
        for (int id : part.ids()) {
            feature(html, index.detail(id), part, max);
        }
    }

    private static String anchor(Part part, int id) {
        return Markup.escaped(part.index().sae()) + "-" + id;
    }

    private static String title(FeatureSummary s) {
        return s.id() + " · " + Markup.escaped(s.label());
    }

    private static void feature(StringBuilder html, FeatureDetail f, Part part, float max) {
        FeatureSummary s = f.summary();
        html.append("<section id=\"")
                .append(anchor(part, s.id()))
                .append("\"><h2>")
                .append(title(s))
                .append("</h2>");
        LabelScore score = f.score();
        if (score != null) {
            html.append(score.balancedAccuracy() >= 0.8 ? "<span class=\"chip good\">" : "<span class=\"chip\">")
                    .append("label ")
                    .append(fixed(score.balancedAccuracy(), 2))
                    .append(" held out</span>");
        }
        html.append("<span class=\"chip\">").append(s.rule().meaning()).append("</span>");
        String comment = part.comments().get(s.id());
        if (comment != null && !comment.isBlank()) {
            html.append("<p>").append(Markup.escaped(comment)).append("</p>");
        }
        html.append("<div class=\"facts\">");
        fact(html, Fmt.percent(s.density()), "of tokens");
        fact(html, activation(s.max()), "strongest");
        fact(html, activation(s.mean()), "mean when active");
        fact(html, fixed(s.encDecCosine(), 2), "encoder · decoder cosine");
        fact(html, fixed(s.tokenR2(), 2), "token R²");
        if (s.labelEntropy() != null) {
            fact(html, fixed(Math.exp(s.labelEntropy()), 1), "labels, effective");
        }
        fact(html, whole(f.documents()), "documents");
        html.append("</div><div class=\"cols\"><div>");
        bars(html, f);
        examples(html, f, max);
        html.append("</div><div>");
        logits(html, f.promoted(), "What it promotes", "pos");
        logits(html, f.suppressed(), "What it suppresses", "neg");
        where(html, f);
        neighbours(html, f);
        html.append("</div></div>");
        said(html, f, part);
        html.append("</section>\n");
    }

    private static void fact(StringBuilder html, String value, String name) {
        html.append("<div><b>").append(value).append("</b><small>").append(name).append("</small></div>");
    }

    private static void heading(StringBuilder html, String title, String why) {
        html.append("<h3>").append(title);
        if (!why.isEmpty()) {
            html.append("<small>").append(why).append("</small>");
        }
        html.append("</h3>");
    }

    private static void bars(StringBuilder html, FeatureDetail f) {
        long[] counts = f.histogram().counts();
        double[] edges = f.histogram().edges();
        long most = 1;
        for (long c : counts) {
            most = Math.max(most, c);
        }
        html.append("<div>");
        heading(html, "How strongly it fires", "log count");
        html.append("<div class=\"bars\" role=\"img\" aria-label=\"histogram of activations\">");
        for (int i = 0; i < counts.length; i++) {
            double height = Math.log1p(counts[i]) / Math.log1p(most); // as on the feature's page
            html.append(counts[i] == 0 ? "<i class=\"none\"" : "<i")
                    .append(" style=\"height:")
                    .append(number(100 * height))
                    .append("%;opacity:")
                    .append(number(0.35 + 0.6 * i / counts.length))
                    .append("\" title=\"")
                    .append(activation(edges[i]))
                    .append(" to ")
                    .append(activation(edges[i + 1]))
                    .append(": ")
                    .append(whole(counts[i]))
                    .append(" tokens\"></i>");
        }
        html.append("</div>");
        if (counts.length > 0) {
            html.append("<div class=\"ends\"><small>")
                    .append(activation(edges[0]))
                    .append("</small><small>activation, log</small><small>")
                    .append(activation(edges[counts.length]))
                    .append("</small></div>");
        }
        html.append("</div>");
    }

    private static void examples(StringBuilder html, FeatureDetail f, float max) {
        html.append("<div>");
        heading(html, "Strongest", "one example a document");
        f.examples().forEach(e -> example(html, e, max));
        for (ExampleBand band : f.bands()) {
            if (!band.examples().isEmpty()) {
                html.append("<details><summary>")
                        .append(Markup.escaped(band.name()))
                        .append(" · ")
                        .append(activation(band.low()))
                        .append(" to ")
                        .append(activation(band.high()))
                        .append("</summary>");
                band.examples().forEach(e -> example(html, e, max));
                html.append("</details>");
            }
        }
        html.append("</div>");
    }

    private static void example(StringBuilder html, Example e, float max) {
        html.append("<div class=\"ex\"><b>").append(activation(e.max())).append("</b><span class=\"toks\">");
        for (int t = 0; t < e.tokens().size(); t++) {
            String token = Markup.escaped(shown(e.tokens().get(t)));
            double share = max > 0 ? Math.min(1, e.values()[t] / max) : 0;
            if (share > 0) {
                double alpha = 0.05 + 0.95 * Math.log10(1 + 9 * share); // weak tokens stay visible
                html.append("<span class=\"t")
                        .append(alpha > FeatureHtmlStyle.DARK_INK ? " s" : "")
                        .append(t == e.peak() ? " peak" : "")
                        .append("\" style=\"--a:")
                        .append(number(alpha))
                        .append("\" title=\"")
                        .append(activation(e.values()[t]))
                        .append("\">")
                        .append(token)
                        .append("</span>");
            } else {
                html.append(token);
            }
        }
        html.append("</span><small>")
                .append(e.label().isEmpty() ? "" : Markup.escaped(e.label()) + " · ")
                .append("doc ")
                .append(e.document())
                .append(e.heldOut() ? " · held out" : "")
                .append("</small></div>");
    }

    private static void logits(StringBuilder html, List<TokenLogit> tokens, String title, String tone) {
        if (tokens.isEmpty()) {
            return;
        }
        double top = tokens.stream().mapToDouble(t -> Math.abs(t.value())).max().orElse(0);
        html.append("<div class=\"").append(tone).append("\">");
        heading(html, title, "logit lens");
        for (TokenLogit t : tokens.subList(0, Math.min(ROWS, tokens.size()))) {
            String sign = t.value() > 0 ? "+" : "";
            row(
                    html,
                    "<span class=\"mono\">" + Markup.escaped(shown(t.text()).replace(' ', '␣')) + "</span>",
                    top > 0 ? Math.abs(t.value()) / top : 0,
                    sign + fixed(t.value(), 2));
        }
        html.append("</div>");
    }

    private static void where(StringBuilder html, FeatureDetail f) {
        List<LabelRate> rates = f.labelRates().stream()
                .filter(r -> !r.label().isEmpty() && r.fired() > 0)
                .sorted(Comparator.comparingDouble(r -> -r.rate()))
                .limit(ROWS)
                .toList();
        if (rates.isEmpty()) {
            return;
        }
        html.append("<div>");
        heading(html, "Where it fires", "share of tokens");
        rates.forEach(r -> row(
                html,
                "<span>" + Markup.escaped(r.label()) + "</span>",
                r.rate() / rates.getFirst().rate(),
                Fmt.percent(r.rate())));
        html.append("</div>");
    }

    private static void row(StringBuilder html, String name, double share, String value) {
        html.append("<div class=\"row\">")
                .append(name)
                .append("<u><i style=\"width:")
                .append(number(100 * share))
                .append("%\"></i></u><em>")
                .append(value)
                .append("</em></div>");
    }

    private static void neighbours(StringBuilder html, FeatureDetail f) {
        if (f.nearest().isEmpty()) {
            return;
        }
        html.append("<div>");
        heading(html, "Neighbours", "cosine of decoder");
        for (Neighbour n : f.nearest().subList(0, Math.min(ROWS, f.nearest().size()))) {
            html.append("<div class=\"row two\"><span>")
                    .append(n.id())
                    .append(" <small>")
                    .append(Markup.escaped(n.label()))
                    .append("</small></span><em>")
                    .append(fixed(n.cosine(), 2))
                    .append("</em></div>");
        }
        html.append("</div>");
    }

    /** What rules and others say, each with its scores. */
    private static void said(StringBuilder html, FeatureDetail f, Part part) {
        html.append(
                        "<details><summary>What is said about it, and how far to trust that</summary><table><tr><th>by<th>says")
                .append("<th class=\"n\">coverage<th class=\"n\">balanced accuracy<th class=\"n\">correlation</tr>");
        for (LabelCandidate c : f.labels()) {
            said(html, c.kind(), c.text(), fixed(c.coverage(), 2), fixed(c.balancedAccuracy(), 2), c.correlation());
        }
        for (Explanation e : part.explanations()) {
            if (e.feature() == f.summary().id()) {
                String scores = (e.detection() == null ? "" : "detection " + fixed(e.detection(), 2))
                        + (e.detection() == null || e.fuzzing() == null ? "" : ", ")
                        + (e.fuzzing() == null ? "" : "fuzzing " + fixed(e.fuzzing(), 2));
                String by = e.author().isEmpty() ? e.kind() : e.kind() + ", " + e.author();
                said(html, by, e.text(), "", scores, null);
            }
        }
        html.append("</table></details>");
    }

    private static void said(
            StringBuilder html,
            String by,
            String text,
            String coverage,
            String accuracy,
            @Nullable Double correlation) {
        html.append("<tr><td>")
                .append(Markup.escaped(by))
                .append("<td>")
                .append(Markup.escaped(text))
                .append("<td class=\"n\">")
                .append(coverage)
                .append("<td class=\"n\">")
                .append(accuracy)
                .append("<td class=\"n\">")
                .append(correlation == null ? "" : fixed(correlation, 2))
                .append("</tr>");
    }

    private static String shown(String token) {
        return token.replace("\n", "↵").replace("\r", "␍").replace("\t", "⇥");
    }

    private static String fixed(@Nullable Number value, int decimals) {
        return value == null
                ? "–"
                : String.format(Locale.ROOT, "%." + decimals + "f", value.doubleValue())
                        .replace('-', '−');
    }

    /** An activation: three digits are enough to read. */
    private static String activation(double v) {
        double a = Math.abs(v);
        return fixed(v, a >= 100 ? 0 : a >= 10 ? 1 : a >= 0.1 || a == 0 ? 2 : 4);
    }

    private static String whole(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /** A number for a style, which knows no other minus sign. */
    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3g", value);
    }
}
