package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.service.Counterpart;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import dev.loupe.ui.element.CurveChart;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The same latent in other SAEs: matched where these were compared, otherwise the nearest by cosine, and said so. */
final class FeatureCounterparts {
    private static final int OVERLAID = 4;

    private FeatureCounterparts() {}

    /** The card. */
    static Component of(Workbench workbench, String sae, int id, List<Counterpart> all) {
        Section card = Kit.card(Kit.heading("In other SAEs", "cosine of decoder"));
        card.setId("counterparts");
        List<Counterpart> compared = all.stream().filter(Counterpart::compared).toList();
        List<Counterpart> nearest = all.stream().filter(c -> !c.compared()).toList();
        if (all.isEmpty()) {
            card.add(
                    Kit.text("dim", "There is no other seed of this SAE, and it was compared with no other one."),
                    new Kit.Pre("loupe compare " + sae + " OTHER"));
            return card;
        }
        if (!compared.isEmpty()) {
            card.add(rows(compared));
        }
        if (!nearest.isEmpty()) {
            Div why = Kit.div(
                    compared.isEmpty() ? "dim" : "dim gap",
                    Kit.text(compared.isEmpty() ? "Nearest in other seeds" : "Nearest in seeds not compared"));
            why.setTitle(
                    "the latent with the largest cosine of decoder rows; several latents may share one: no one-to-one"
                            + " matching was made. It is made by: loupe compare " + sae + " "
                            + nearest.getFirst().sae());
            card.add(why, rows(nearest));
        }
        strengths(workbench, sae, id, all).ifPresent(card::add);
        return card;
    }

    private static BarRows rows(List<Counterpart> some) {
        List<BarRows.Row> rows = new ArrayList<>();
        for (Counterpart c : some) {
            rows.add(
                    c.id() < 0
                            ? BarRows.Row.named(c.sae() + " · none", "–", 0)
                            : BarRows.Row.link(
                                    c.sae() + " · " + c.id(),
                                    Links.feature(c.sae(), c.id()),
                                    c.label(),
                                    Num.fixed(c.decoderCosine(), 2),
                                    Math.max(0, c.decoderCosine())));
        }
        return new BarRows().set(BarRows.Tone.ACCENT, false, rows, "");
    }

    /** How strongly the latent and its nearest counterparts fire, over each other, with a text of each. */
    private static Optional<Div> strengths(Workbench workbench, String sae, int id, List<Counterpart> all) {
        List<String> indexed = workbench.features().indexed();
        List<Counterpart> best = all.stream()
                .filter(c -> c.id() >= 0 && indexed.contains(c.sae()))
                .sorted(Comparator.comparingDouble(Counterpart::decoderCosine).reversed())
                .limit(OVERLAID)
                .toList();
        List<CurveChart.Series> series = new ArrayList<>();
        PairPanel.series(workbench, sae, id).ifPresent(series::add);
        best.forEach(c -> PairPanel.series(workbench, c.sae(), c.id()).ifPresent(series::add));
        if (series.size() < 2) {
            return Optional.empty();
        }
        CurveChart chart = new CurveChart();
        chart.set(PairPanel.strengths(series, 130));
        Div d = Kit.div("gap", chart);
        for (Counterpart c : best) {
            d.add(
                    Kit.div("gap dim", Kit.link(Links.feature(c.sae(), c.id()), c.sae() + " · " + c.id())),
                    PairPanel.examples(workbench.closeUps().detail(c.sae(), c.id()), 1));
        }
        return Optional.of(d);
    }

    /** In how many of the compared SAEs this latent has a counterpart. */
    static Optional<Div> foundIn(List<Counterpart> all) {
        List<Counterpart> compared = all.stream().filter(Counterpart::compared).toList();
        if (compared.isEmpty()) {
            return Optional.empty();
        }
        int shared = (int) compared.stream().filter(Counterpart::shared).count();
        Div d = Kit.div(
                "",
                Kit.dots(shared, compared.size()),
                Kit.text("found in " + shared + " of " + Num.count(compared.size(), "other SAE")));
        d.setTitle("shared at the comparison's threshold: both cosines reach it and both assignments agree");
        return Optional.of(d);
    }
}
