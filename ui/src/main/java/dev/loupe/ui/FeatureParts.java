package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.LabelRate;
import dev.loupe.feature.LabelWords;
import dev.loupe.feature.PositionRate;
import dev.loupe.ui.element.BarRows;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The cards at the side of a feature page. */
final class FeatureParts {
    private static final int LABELS = 8;
    private static final int TOKENS = 8;
    private static final int NEIGHBOURS = 8;

    private FeatureParts() {}

    private static double share(double value, double top) {
        return top > 0 ? Math.abs(value) / top : 0;
    }

    static Section labels(FeatureDetail f) {
        List<LabelRate> byRate = f.labelRates().stream()
                .filter(r -> !r.label().isEmpty() && r.tokens() > 0)
                .sorted(Comparator.comparingDouble(LabelRate::rate).reversed())
                .toList();
        double top = byRate.isEmpty() ? 0 : byRate.getFirst().rate();
        List<BarRows.Row> rows = new ArrayList<>();
        Map<String, LabelWords> words = new HashMap<>();
        f.words().forEach(w -> words.put(w.label(), w));
        byRate.stream()
                .limit(LABELS)
                .forEach(r -> rows.add(new BarRows.Row(
                        Num.language(r.label()),
                        null,
                        null,
                        words.containsKey(r.label()) ? said(words.get(r.label())) : null,
                        Num.percent(r.rate()),
                        share(r.rate(), top),
                        Num.whole(r.fired()) + " of " + Num.whole(r.tokens()) + " tokens; " + Num.percent(r.share())
                                + " of all its firings" + choosy(words.get(r.label())))));
        Section card = Kit.card(
                Kit.heading("Where it fires", "share of tokens · its words there"),
                new BarRows().set(BarRows.Tone.ACT, false, rows, "The documents carry no labels, or it never fires."));
        Integer selective = f.summary().selectiveLabels();
        if (selective != null && selective > 0) {
            Div own = Kit.div("faint", Kit.text("picks own words of " + Num.count(selective, "language")));
            own.setTitle(
                    "Words that stand in one language only (at least half of the time). Two of its firings there are on"
                            + " the same such word at least ten times as often as two places of that language are; once, if it"
                            + " fired anywhere.");
            card.add(own);
        }
        return card;
    }

    private static String said(LabelWords w) {
        return w.words().stream().map(String::strip).filter(t -> !t.isEmpty()).collect(Collectors.joining(", "));
    }

    private static String choosy(@Nullable LabelWords w) {
        return w == null
                ? ""
                : "; two firings are on the same word of its own " + Num.fixed(w.lift(), 0)
                        + " times as often as two places are";
    }

    static Section positions(FeatureDetail f) {
        double top =
                f.positionRates().stream().mapToDouble(PositionRate::rate).max().orElse(0);
        List<BarRows.Row> rows = f.positionRates().stream()
                .map(r -> new BarRows.Row(
                        r.first() == r.last() ? String.valueOf(r.first()) : r.first() + "–" + r.last(),
                        null,
                        null,
                        null,
                        Num.percent(r.rate()),
                        share(r.rate(), top),
                        Num.whole(r.fired()) + " of " + Num.whole(r.tokens()) + " tokens"))
                .toList();
        return Kit.card(
                Kit.heading("At which positions", "share of tokens, from the start of a sequence"),
                new BarRows()
                        .set(
                                BarRows.Tone.ACT,
                                false,
                                rows,
                                f.summary().dead()
                                        ? "It never fires."
                                        : "This index is older than these counts: loupe index makes them."));
    }

    static Section tokens(FeatureDetail f) {
        List<BarRows.Row> rows = f.tokenRates().stream()
                .limit(TOKENS)
                .map(t -> new BarRows.Row(
                        "",
                        t.text(),
                        null,
                        null,
                        Num.percent(t.share()),
                        t.share(),
                        "fires " + Num.whole(t.fired()) + " times on it, on " + Num.percent(t.rate())
                                + " of its occurrences, mean " + Num.activation(t.mean())))
                .toList();
        return Kit.card(
                Kit.heading("On which tokens", "share of its activation"),
                new BarRows().set(BarRows.Tone.ACT, false, rows, "It never fires."));
    }

    static Section neighbours(String sae, FeatureDetail f) {
        List<BarRows.Row> rows = f.nearest().stream()
                .limit(NEIGHBOURS)
                .map(n -> new BarRows.Row(
                        String.valueOf(n.id()),
                        null,
                        Links.feature(sae, n.id()),
                        n.label(),
                        Num.fixed(n.cosine(), 2) + " · " + Num.percent(n.together()),
                        Math.max(0, n.cosine()),
                        n.id() + " " + n.label() + " · fires on " + Num.percent(n.together())
                                + " of the tokens this one fires on"))
                .toList();
        BarRows bars = new BarRows().set(BarRows.Tone.ACCENT, false, rows, "No neighbour.");
        bars.addClassName("wide");
        return Kit.card(
                Kit.heading("Neighbours", "cosine of decoder · fires along"),
                bars,
                Kit.div("gap", Kit.link(Links.like(sae, f.summary().id()), "more, and in other SAEs")));
    }

    /** What fires on the same tokens; nothing in indexes that are too old to know. */
    static Optional<Section> coactive(String sae, FeatureDetail f) {
        if (f.coactive().isEmpty()) {
            return Optional.empty();
        }
        List<BarRows.Row> rows = f.coactive().stream()
                .limit(NEIGHBOURS)
                .map(c -> new BarRows.Row(
                        String.valueOf(c.id()),
                        null,
                        Links.feature(sae, c.id()),
                        c.label(),
                        Num.fixed(c.correlation(), 2) + " · " + Num.percent(c.share()),
                        Math.max(0, c.correlation()),
                        c.id() + " " + c.label() + " · both fire on " + Num.whole(Math.round(c.rows()))
                                + " tokens" + (c.exact() ? ", counted" : " ± " + Num.whole(Math.round(c.error())))
                                + "; overlap (Jaccard) " + Num.fixed(c.jaccard(), 3)
                                + (c.cosine() == null ? "" : "; cosine of decoder " + Num.fixed(c.cosine(), 2))))
                .toList();
        BarRows bars = new BarRows().set(BarRows.Tone.ACT, false, rows, "");
        bars.addClassName("wide");
        return Optional.of(Kit.card(Kit.heading("Fires together with", "correlation · share of its firings"), bars));
    }
}
