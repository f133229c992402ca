package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Matching.CurvePoint;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.CurveChart;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Two SAEs: which latents they share, at any threshold, and which only one of them has. */
@Route("compare/:a/:b")
public final class CompareView extends Page implements BeforeEnterObserver {
    private static final int LINES = 4;
    private static final int BESIDE = 12;

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();
    private final Div facts = Kit.facts();
    private final Div figures = Kit.div("facts");
    private final Scatter scatter = new Scatter();
    private final CurveChart curve = new CurveChart();
    private final Div together = Kit.div("");
    private CompareLists lists = new CompareLists();
    private String path = "";

    CompareView(Workbench workbench) {
        this.workbench = workbench;
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        String a = event.getRouteParameters().get("a").orElse("");
        String b = event.getRouteParameters().get("b").orElse("");
        Matching m = workbench.compare().get(a, b);
        path = event.getLocation().getPath();
        QueryParameters q = event.getLocation().getQueryParameters();
        state.put("t", parameter(q, "t"));
        state.put("list", parameter(q, "list"));
        titled(a + " against " + b);
        double threshold = threshold(m);
        lists = new CompareLists(workbench, m, state.getOrDefault("list", ""), chosen -> {
            state.put("list", chosen);
            remember(UI.getCurrent(), path, state);
        });
        removeAll();
        add(head(m, threshold));
        together.removeAll();
        Div right = Kit.div("stack", curves(m, threshold), together);
        CompareTogether.activations(workbench, m).ifPresent(right::add);
        add(Kit.div("cols even", Kit.div("stack", scatter(m, threshold)), right));
        add(lists);
        add(beside(m));
        show(m, threshold);
    }

    private double threshold(Matching m) {
        try {
            double t = Double.parseDouble(state.getOrDefault("t", ""));
            return Double.isFinite(t) ? Math.clamp(t, 0, 1) : m.threshold();
        } catch (NumberFormatException e) {
            return m.threshold();
        }
    }

    private Section head(Matching m, double threshold) {
        Div title = Kit.div("line", Kit.title(m.a() + " against " + m.b()));
        m.notes().forEach(n -> title.add(Kit.chip(n, "", "a fact that bears on what the figures mean")));
        title.add(Kit.chip(
                "optimal to " + Num.fixed(100 * m.gap(), 2) + " %",
                m.gap() < 1e-3 ? "good" : "warn",
                "no other assignment has a total cosine larger by more than this: proved by dual prices"));
        Input slider = new Input();
        slider.setType("range");
        slider.setId("threshold");
        slider.setAriaLabel("Both cosines at least");
        slider.getElement().setAttribute("min", "0");
        slider.getElement().setAttribute("max", "1");
        slider.getElement().setAttribute("step", "0.01");
        slider.setValue(String.valueOf(threshold));
        slider.getElement()
                .addEventListener("input", e -> {
                    double t = e.getEventData().path("element.value").asDouble(threshold);
                    state.put("t", Math.abs(t - m.threshold()) < 1e-9 ? "" : String.valueOf(t));
                    remember(UI.getCurrent(), path, state);
                    show(m, t);
                })
                .addEventData("element.value")
                .throttle(150);
        facts.removeAll();
        facts.add(figures, Kit.div("slide", at, slider));
        return Kit.card(title, Kit.div("gap", facts));
    }

    private final Div at = Kit.div("line");

    /** Everything that depends on the threshold. */
    private void show(Matching m, double t) {
        int shared = m.sharedA(t).size();
        figures.removeAll();
        figures.add(
                Kit.fact(
                        Num.whole(shared),
                        "shared",
                        "latents whose decoder and encoder cosines both reach the threshold and whose two assignments agree"),
                Kit.fact(Num.whole(m.widthA() - shared), "only in " + m.a(), "latents without such a partner"),
                Kit.fact(Num.whole(m.widthB() - shared), "only in " + m.b(), "latents without such a partner"),
                Kit.fact(
                        Num.percent(CompareListView.share(m, shared)),
                        "of " + Num.whole(Math.min(m.widthA(), m.widthB())) + " shared",
                        "as a share of the narrower SAE"),
                Kit.fact(
                        Num.fixed(m.pwMcc(), 3),
                        "mean matched cosine",
                        "mean decoder cosine of the assigned pairs, whatever the threshold"));
        at.removeAll();
        at.add(Kit.text("", "both cosines at least"));
        at.add(Kit.div("end", Kit.bold(Num.fixed(t, 2))));
        scatter.threshold(t);
        curve.mark(t, Num.percent(CompareListView.share(m, shared)));
        together.removeAll();
        together.add(CompareTogether.seeds(workbench, m, t));
        lists.show(t);
    }

    private Section scatter(Matching m, double threshold) {
        int n = m.widthA();
        List<Integer> matched = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            if (m.decoderMatch()[i] >= 0) {
                matched.add(i);
            }
        }
        float[] x = new float[matched.size()];
        float[] y = new float[matched.size()];
        List<String> names = new ArrayList<>();
        for (int k = 0; k < matched.size(); k++) {
            int i = matched.get(k);
            x[k] = m.decoderCosine()[i];
            y[k] = m.encoderCosine()[i];
            boolean agree = m.decoderMatch()[i] == m.encoderMatch()[i];
            names.add(i + " ↔ " + m.decoderMatch()[i] + (agree ? "" : " (encoder: " + m.encoderMatch()[i] + ")"));
        }
        scatter.set(new Scatter.Data(
                x,
                y,
                names,
                names,
                "decoder cosine",
                "encoder cosine",
                0.0,
                1.0,
                threshold,
                false,
                m.a() + " against " + m.b()));
        PairPanel pair = new PairPanel(workbench, m);
        scatter.onHover(e -> pair.show(matched.get(e.index())));
        scatter.onOpen(e -> UI.getCurrent().navigate("features/" + m.a() + "/" + matched.get(e.index())));
        return Kit.card(
                Kit.heading("Every matched pair", "pointing shows both features, click or Enter opens the first"),
                scatter,
                pair);
    }

    /** Every other pair; those that share an SAE with this one first. */
    private List<Matching> others(Matching m) {
        Set<String> own = Set.of(m.a(), m.b().equals(m.a()) ? "" : m.b());
        return CompareListView.all(workbench).stream()
                .filter(o -> !o.a().equals(m.a()) || !o.b().equals(m.b()))
                .sorted(Comparator.comparing((Matching o) -> !own.contains(o.a()) && !own.contains(o.b())))
                .toList();
    }

    private Section curves(Matching m, double threshold) {
        List<CurveChart.Series> series = new ArrayList<>();
        series.add(series(m));
        others(m).stream().filter(o -> related(o, m)).limit(LINES).forEach(o -> series.add(series(o)));
        curve.set(new CurveChart.Data(
                series, "threshold", "share shared", 0.0, 1.0, 0.0, 1.0, false, false, 190, threshold, ""));
        return Kit.card(Kit.heading("Shared at every threshold", "share of the narrower SAE"), curve);
    }

    /** Whether a line of the one beside that of the other says something: an SAE in common, or equal place and widths. */
    private boolean related(Matching o, Matching m) {
        Set<String> own = Set.of(m.a(), m.b().equals(m.a()) ? "" : m.b());
        if (own.contains(o.a()) || own.contains(o.b())) {
            return true;
        }
        return o.widthA() == m.widthA()
                && o.widthB() == m.widthB()
                && workbench
                        .saes()
                        .get(o.a())
                        .hook()
                        .equals(workbench.saes().get(m.a()).hook());
    }

    private static CurveChart.Series series(Matching m) {
        double[] x = m.curve().stream().mapToDouble(CurvePoint::threshold).toArray();
        double[] y = m.curve().stream()
                .mapToDouble(p -> CompareListView.share(m, p.shared()))
                .toArray();
        return new CurveChart.Series(m.a() + " · " + m.b(), x, y);
    }

    private Section beside(Matching m) {
        List<Matching> others = others(m);
        Section card = Kit.card(Kit.heading("Beside it", "other pairs, share of the smaller"));
        if (others.isEmpty()) {
            card.add(Kit.text("dim", "No other pair was compared."));
        } else {
            card.add(CompareListView.briefTable(others.stream().limit(BESIDE).toList()));
            if (others.size() > BESIDE) {
                card.add(Kit.link("/compare", "all " + Num.whole(others.size() + 1) + " pairs"));
            }
        }
        return card;
    }
}
