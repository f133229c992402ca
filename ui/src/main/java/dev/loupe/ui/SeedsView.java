package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.compare.SeedStatistics.Interval;
import dev.loupe.service.SeedExperiment;
import dev.loupe.service.SeedExperiment.CellResult;
import dev.loupe.service.SeedExperiment.Trend;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CurveChart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An experiment on seeds: what is shared against tokens, width, k and architecture. */
@Route("seeds/:name")
public final class SeedsView extends Page implements BeforeEnterObserver {
    private static final Map<String, String> FACTORS = factors();

    private final Workbench workbench;

    SeedsView(Workbench workbench) {
        this.workbench = workbench;
    }

    private static Map<String, String> factors() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("tokens", "Tokens");
        names.put("width", "Latents, equal tokens");
        names.put("width_at_equal_tokens_per_latent", "Latents, equal tokens a latent");
        names.put("k", "Active latents per token");
        return names;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        String name = event.getRouteParameters().get("name").orElse("");
        SeedExperiment r = workbench.seeds().get(name);
        titled(name);
        removeAll();
        add(head(r));
        Div charts = Kit.div("cols even");
        FACTORS.forEach((factor, title) -> {
            List<Trend> lines =
                    r.trends().stream().filter(t -> t.factor().equals(factor)).toList();
            if (!lines.isEmpty()) {
                charts.add(chart(r, title, lines));
            }
        });
        add(charts);
        List<Trend> architectures = r.trends().stream()
                .filter(t -> t.factor().equals("architecture"))
                .toList();
        if (!architectures.isEmpty()) {
            add(Kit.card(
                    Kit.heading(
                            "Architecture",
                            "at the base setting; the paper saw more shared with ReLU and Gated than with TopK"),
                    verdicts(r, architectures)));
        }
        add(Kit.card(Kit.heading("Every setting", "mean over pairs of seeds, 95 % interval over seeds"), cells(r)));
    }

    private static Section head(SeedExperiment r) {
        CellResult base = r.cells().getFirst();
        Div title = Kit.div("line", Kit.title(r.spec().name()));
        title.add(
                Kit.chip(
                        r.spec().seeds().size() + " seeds",
                        "",
                        "seeds of the initial weights: " + r.spec().seeds()),
                Kit.chip("store " + r.spec().store(), "", "the activations that all were trained on"));
        Div facts = Kit.facts(
                Kit.fact(Num.percent(base.shared().mean()), "shared at the base", base.title()),
                Kit.fact(
                        Num.percent(base.sharedAlive().mean()),
                        "of latents that fire",
                        "the same among latents that fire on the store"),
                Kit.fact(
                        Num.percent(base.nullShared()),
                        "by chance",
                        "two dictionaries of random unit vectors of the same size; mean matched cosine "
                                + Num.fixed(base.nullCosine(), 2)),
                Kit.fact(
                        Num.fixed(base.meanCosine(), 2),
                        "mean matched cosine",
                        "mean decoder cosine of assigned pairs (PW-MCC)"));
        Section card = Kit.card(title, Kit.div("gap", facts));
        r.notes().forEach(n -> card.add(Kit.div("dim gap", Kit.text(n))));
        return card;
    }

    private static Section chart(SeedExperiment r, String title, List<Trend> lines) {
        List<CurveChart.Series> series = new ArrayList<>();
        double high = 0.05;
        for (Trend t : lines) {
            double[] mean = new double[t.cells().length];
            double[] low = new double[mean.length];
            double[] top = new double[mean.length];
            double[] x = new double[mean.length];
            for (int i = 0; i < mean.length; i++) {
                Interval shared = r.cells().get(t.cells()[i]).shared();
                mean[i] = shared.mean();
                low[i] = shared.low();
                top[i] = shared.high();
                x[i] = t.x()[i];
                high = Math.max(high, top[i]);
            }
            series.add(new CurveChart.Series(t.arch(), x, mean));
            if (lines.size() == 1 && r.spec().seeds().size() > 2) {
                series.add(new CurveChart.Series("95 % low", x, low));
                series.add(new CurveChart.Series("95 % high", x, top));
            }
        }
        CurveChart chart = new CurveChart();
        chart.set(new CurveChart.Data(
                series, title, "share shared", null, null, 0.0, Math.min(1, high * 1.1), true, false, 190, null, null));
        return Kit.card(
                Kit.heading(
                        title,
                        lines.getFirst().expected().equals("open")
                                ? "the paper did not look at this"
                                : "paper: " + lines.getFirst().expected()),
                chart,
                verdicts(r, lines));
    }

    private static Component verdicts(SeedExperiment r, List<Trend> lines) {
        List<List<Component>> rows = new ArrayList<>();
        for (Trend t : lines) {
            List<String> steps = new ArrayList<>();
            for (int c : t.cells()) {
                steps.add(Num.percent(r.cells().get(c).shared().mean()));
            }
            rows.add(List.of(
                    Kit.text(t.arch()),
                    Kit.text(String.join(" → ", steps)),
                    Kit.text(points(t.difference().mean()) + " ("
                            + points(t.difference().low()) + " to "
                            + points(t.difference().high()) + ")"),
                    Kit.chip(
                            t.verdict(),
                            t.verdict().startsWith("as") ? "good" : t.verdict().startsWith("opposite") ? "bad" : "warn",
                            t.usable()
                                    ? "by the 95 % interval of the change"
                                    : "a setting misses the asked L0 by more than 10 %")));
        }
        return Kit.table(List.of("", "shared", "change, points", "here"), Set.of(), rows);
    }

    private static String points(double share) {
        return Num.signed(100 * share, 1);
    }

    private static Component cells(SeedExperiment r) {
        List<List<Component>> rows = new ArrayList<>();
        for (CellResult c : r.cells()) {
            double l0 = java.util.Arrays.stream(c.l0()).average().orElse(0);
            rows.add(List.of(
                    Kit.link(
                            Links.compare(c.saes().get(0), c.saes().get(1)),
                            c.arch() + " " + Num.whole(c.dSae()) + " · k " + c.k()),
                    Kit.text(Num.whole(c.tokens())),
                    Kit.text(Num.whole(Math.round(c.tokensPerLatent()))),
                    Kit.text(Num.fixed(l0, 1) + (c.equalL0() ? "" : " !")),
                    Kit.text(Num.percent(c.alive())),
                    Kit.text(Num.percent(c.shared().mean())),
                    Kit.text(Num.percent(c.shared().low()) + " – "
                            + Num.percent(c.shared().high())),
                    Kit.text(Num.percent(c.sharedAlive().mean())),
                    Kit.text(Num.fixed(c.meanCosine(), 2)),
                    Kit.text(Num.percent(c.histogram()[c.histogram().length - 1]))));
        }
        return Kit.table(
                List.of(
                        "setting",
                        "tokens",
                        "a latent",
                        "L0",
                        "alive",
                        "shared",
                        "95 %",
                        "of alive",
                        "mean cosine",
                        "in all seeds"),
                Set.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
                rows);
    }
}
