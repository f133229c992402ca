package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import dev.loupe.patch.Agreement;
import dev.loupe.patch.PatchResult;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Whether the scores are true: cells patched exactly, beside their estimates. */
final class PatchTruth {
    private static final int MOST_HINTS = 3;

    private final Div agreement = Kit.div("");
    private final NativeButton check;
    private String how = String.valueOf(PatchState.TO_VERIFY);

    /**
     * The card.
     *
     * @param ask gets which cells to check: a number, or "all"
     */
    PatchTruth(Consumer<String> ask) {
        check = Kit.button("Check", "", () -> ask.accept(how));
        check.setId("verify");
    }

    Component card(String chosen) {
        Map<String, String> cells = new LinkedHashMap<>();
        cells.put("40", "40 largest, 40 random");
        cells.put("200", "200 largest, 200 random");
        cells.put("all", "every cell");
        how = cells.containsKey(chosen) ? chosen : "40";
        Fields.Choice which = new Fields.Choice(cells, how, v -> how = v);
        which.getElement().setAttribute("aria-label", "Cells to check");
        which.setId("verify-cells");
        return Kit.card(
                Kit.heading("Is it true?", "estimates beside exact patching"),
                agreement,
                Kit.div("line gap", Kit.div("grow", which), check));
    }

    void busy(boolean on, boolean verifying) {
        check.setEnabled(!on);
        check.setText(on && verifying ? "Checking…" : "Check");
    }

    void clear() {
        agreement.removeAll();
    }

    void show(PatchResult r) {
        clear();
        if (r.verified().isEmpty()) {
            agreement.add(Kit.text("dim", "Not checked yet. Exact patching runs the model once for every cell."));
            return;
        }
        agreement.add(scatter(r));
        Agreement all = r.agreement().get("all");
        if (all != null) {
            agreement.add(Kit.div("gap", facts(all)));
        }
        r.verified().stream()
                .filter(v -> v.hint() != null)
                .limit(MOST_HINTS)
                .forEach(v -> agreement.add(Kit.div("notice gap", Kit.text(place(r, v) + ": " + v.hint()))));
        agreement.add(table(r));
    }

    private static Scatter scatter(PatchResult r) {
        int n = r.verified().size();
        float[] x = new float[n];
        float[] y = new float[n];
        List<String> names = new ArrayList<>();
        List<Scatter.Cell> cells = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            PatchResult.Verified v = r.verified().get(i);
            x[i] = (float) v.estimate();
            y[i] = (float) v.exact();
            names.add(place(r, v) + (v.hint() == null ? "" : " – " + v.hint()));
            cells.add(new Scatter.Cell(v.site(), v.layer(), v.column(), kind(r, v.site())));
        }
        Scatter scatter = new Scatter();
        scatter.set(new Scatter.Data(
                x,
                y,
                names,
                null,
                "estimate",
                "exact effect",
                null,
                null,
                null,
                true,
                "Estimates against exact patching"));
        scatter.cells(cells);
        return scatter;
    }

    private static String kind(PatchResult r, String site) {
        PatchResult.Axes axes = r.axes().get(site);
        return axes != null && axes.columns().equals("head") ? "head" : "position";
    }

    private static String place(PatchResult r, PatchResult.Verified v) {
        boolean position = kind(r, v.site()).equals("position");
        String column = position && v.column() < r.cleanTokens().size()
                ? "position " + v.column() + " "
                        + r.cleanTokens().get(v.column()).replace(' ', '␣')
                : "head " + v.column();
        return PatchMaps.title(v.site()) + " L" + v.layer() + (v.head() == null ? "" : " H" + v.head()) + " " + column;
    }

    private static Div facts(Agreement a) {
        return Kit.facts(
                Kit.fact(Num.fixed(a.pearson(), 3), "Pearson", "linear correlation of estimate and exact effect"),
                Kit.fact(Num.fixed(a.spearman(), 3), "Spearman", "rank correlation"),
                Kit.fact(
                        Num.fixed(a.slope(), 3),
                        "slope",
                        "least-squares slope through 0 of estimate over exact effect; 1 is right"),
                Kit.fact(
                        Num.fixed(without(a), 3),
                        "without the largest",
                        "Pearson without the cell of the largest exact effect"));
    }

    private static Component table(PatchResult r) {
        List<List<Component>> rows = new ArrayList<>();
        r.agreement().forEach((name, a) -> {
            if (!name.equals("all") || r.agreement().size() == 1) {
                rows.add(List.of(
                        Kit.text(PatchMaps.title(name) + " (" + a.cells() + ")"),
                        Kit.text(Num.fixed(a.pearson(), 3)),
                        Kit.text(Num.fixed(a.spearman(), 3)),
                        Kit.text(Num.fixed(a.slope(), 3)),
                        Kit.text(Num.fixed(without(a), 3))));
            }
        });
        Div table = Kit.table(
                List.of("site (cells)", "Pearson", "Spearman", "slope", "rest"), java.util.Set.of(1, 2, 3, 4), rows);
        table.getElement().setAttribute("tabindex", "0"); // it scrolls sideways where it is narrow
        table.getElement().setAttribute("role", "region");
        table.getElement().setAttribute("aria-label", "Agreement by site");
        return Kit.div("gap", table);
    }

    private static @Nullable Double without(Agreement a) {
        Agreement rest = a.withoutTop();
        return rest == null ? null : rest.pearson();
    }
}
