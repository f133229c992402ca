package dev.loupe.ui;

import com.vaadin.flow.component.html.Section;
import dev.loupe.compare.ActivationOverlap;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Overlap;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Cards of a comparison that look beyond the pair's weights: all seeds together, and what the latents do on text. */
final class CompareTogether {
    private CompareTogether() {}

    /** In how many of the SAEs that differ in their seed only each latent of the first one is found. */
    static Section seeds(Workbench workbench, Matching m, double threshold) {
        List<String> family =
                m.a().equals(m.b()) ? List.of() : workbench.compare().family(m.a(), m.b());
        if (family.size() < 2) {
            return Kit.card(Kit.heading("Found in how many seeds", ""), Kit.text("dim", "An SAE beside itself."));
        }
        Overlap o = workbench.compare().overlap(family, threshold);
        int n = family.size();
        int at = family.indexOf(m.a());
        int[] counts = o.histogram()[at];
        int width = o.foundIn()[at].length;
        List<BarRows.Row> rows = new ArrayList<>();
        for (int k = n; k >= 1; k--) {
            double share = (double) counts[k - 1] / width;
            rows.add(new BarRows.Row(
                    k + " of " + n,
                    null,
                    null,
                    k == 1 ? "only " + m.a() : k == n ? "all" : null,
                    Num.whole(counts[k - 1]),
                    share,
                    Num.percent(share) + " of the latents of " + m.a()));
        }
        Section card = Kit.card(
                Kit.heading("Found in how many of " + n + " seeds", "every pair matched directly"),
                new BarRows().set(BarRows.Tone.ACCENT, false, rows, ""));
        if (n > 2) {
            Overlap.Growth first = o.onlyOne().getFirst();
            Overlap.Growth last = o.onlyOne().getLast();
            Overlap.Transitivity t = o.transitivity();
            card.add(Kit.div(
                    "dim gap",
                    Kit.text("Found in one only: " + Num.percent(first.share()) + " with " + first.saes() + " seeds, "
                            + Num.percent(last.share()) + " with " + last.saes() + ". Going round three seeds, "
                            + Num.percent(t.returned()) + " of latents come back by decoder, "
                            + Num.percent(t.returnedShared()) + " of shared ones.")));
        } else {
            card.add(Kit.div(
                    "dim gap",
                    Kit.text("A third seed shows more: loupe compare " + String.join(" ", family) + " OTHER")));
        }
        return card;
    }

    /** What matched latents do on the store; empty if that was not looked at. */
    static Optional<Section> activations(Workbench workbench, Matching m) {
        Optional<ActivationOverlap> found = workbench.compare().activations(m.a(), m.b());
        return found.map(o -> Kit.card(
                Kit.heading("Do they fire alike?", Num.whole(o.tokens()) + " tokens of " + o.store()),
                Kit.facts(
                        Kit.fact(
                                Num.fixed(o.meanCorrelationShared(), 2),
                                "correlation, shared",
                                "mean Pearson correlation of the activations of shared pairs; over all matched pairs "
                                        + Num.fixed(o.meanCorrelation(), 2)),
                        Kit.fact(
                                Num.fixed(o.meanJaccardShared(), 2),
                                "Jaccard, shared",
                                "tokens on which both of a shared pair fire, as a share of those on which either does;"
                                        + " over all matched pairs " + Num.fixed(o.meanJaccard(), 2)),
                        Kit.fact(
                                Num.fixed(o.cka(), 2),
                                "CKA",
                                "linear CKA of the two code spaces on " + Num.whole(o.ckaTokens())
                                        + " tokens: 1 for equal geometry, whatever the axes"))));
    }
}
