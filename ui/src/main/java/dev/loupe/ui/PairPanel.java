package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import dev.loupe.compare.Matching;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CurveChart;
import dev.loupe.ui.element.TokenExamples;
import java.util.ArrayList;
import java.util.List;

/** Two matched latents side by side: labels, how strongly they fire on one scale, and their strongest texts. */
final class PairPanel extends Div {
    private static final int EXAMPLES = 3;

    private final Workbench workbench;
    private final Matching matching;
    private int shown = -1;

    PairPanel(Workbench workbench, Matching matching) {
        this.workbench = workbench;
        this.matching = matching;
        setId("pair");
        getElement().setAttribute("aria-live", "polite");
        add(Kit.text("dim", "Point at a pair to see both features here; click opens the first one."));
    }

    /** Shows a latent of A with its counterpart. */
    void show(int id) {
        if (id == shown) {
            return;
        }
        shown = id;
        int other = matching.decoderMatch()[id];
        removeAll();
        Div both = Kit.div("cols even", side(matching.a(), id));
        if (other >= 0) {
            both.add(side(matching.b(), other));
        }
        add(both);
        List<CurveChart.Series> series = new ArrayList<>();
        series(workbench, matching.a(), id).ifPresent(series::add);
        if (other >= 0) {
            series(workbench, matching.b(), other).ifPresent(series::add);
        }
        if (!series.isEmpty()) {
            CurveChart chart = new CurveChart();
            chart.set(strengths(series, 120));
            add(chart);
        }
    }

    private Div side(String sae, int id) {
        Div d = Kit.div("stack");
        if (!workbench.features().indexed().contains(sae)) {
            d.add(Kit.link(Links.feature(sae, id), sae + " · " + id), Kit.text("dim", "No feature index yet."));
            return d;
        }
        FeatureDetail f = workbench.closeUps().detail(sae, id);
        d.add(
                Kit.div("line", Kit.link(Links.feature(sae, id), sae + " · " + id)),
                Kit.div("", Kit.bold(f.summary().label())),
                Kit.text(
                        "dim",
                        Num.percent(f.summary().density()) + " of tokens · strongest "
                                + Num.activation(f.summary().max())));
        d.add(examples(f, EXAMPLES));
        return d;
    }

    /** The strongest texts of a feature. */
    static TokenExamples examples(FeatureDetail f, int most) {
        List<TokenExamples.Row> rows = new ArrayList<>();
        for (Example e : f.examples().stream().limit(most).toList()) {
            int from = Math.max(0, e.peak() - 8);
            int to = Math.min(e.tokens().size(), e.peak() + 5);
            rows.add(new TokenExamples.Row(
                    Num.activation(e.max()),
                    e.tokens().subList(from, to),
                    java.util.Arrays.copyOfRange(e.values(), from, to),
                    e.peak() - from,
                    e.label(),
                    e.documentName(),
                    null));
        }
        TokenExamples list = new TokenExamples();
        list.set(new TokenExamples.Data(f.summary().max(), rows, "It fires nowhere.", null, false));
        return list;
    }

    /** How often a latent fires how strongly, as a line over the activation (a logarithmic axis); empty where it never does. */
    static java.util.Optional<CurveChart.Series> series(Workbench workbench, String sae, int id) {
        if (!workbench.features().indexed().contains(sae)) {
            return java.util.Optional.empty();
        }
        FeatureDetail f = workbench.closeUps().detail(sae, id);
        long[] counts = f.histogram().counts();
        if (counts.length == 0) {
            return java.util.Optional.empty();
        }
        double[] edges = f.histogram().edges();
        double[] x = new double[counts.length];
        double[] y = new double[counts.length];
        double all = java.util.Arrays.stream(counts).sum();
        for (int i = 0; i < counts.length; i++) {
            x[i] = Math.sqrt(edges[i] * edges[i + 1]);
            y[i] = counts[i] / all;
        }
        return java.util.Optional.of(new CurveChart.Series(sae + " · " + id, x, y));
    }

    /** Several such lines in one picture. */
    static CurveChart.Data strengths(List<CurveChart.Series> series, int height) {
        return new CurveChart.Data(
                series, "activation", "share of firings", null, null, 0.0, null, true, false, height, null, null);
    }
}
