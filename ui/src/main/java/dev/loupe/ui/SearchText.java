package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.service.TextTest;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.BarRows;
import dev.loupe.ui.element.TokenText;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Which features fire on a text: type it, see the strongest, click tokens to have only those counted, summed up. */
final class SearchText extends Section {
    private static final int ALL = 100_000;
    private static final int MOST = 40;
    private static final int NAMED = 5;

    private final Workbench workbench;
    private final String sae;
    private final BiConsumer<String, String> remember;
    private final TokenText tokens = new TokenText();
    private final BarRows found = new BarRows();
    private final Div words = Kit.div("faint");
    private final Set<Integer> picked = new TreeSet<>();
    private final Div cut = Kit.div("");
    private TextTest result = new TextTest("", List.of(), 0, "", List.of());

    /**
     * Makes the card.
     *
     * @param pick positions that count, separated by commas; empty for all
     * @param remember gets {@code text} and {@code pick} when they change
     */
    SearchText(Workbench workbench, String sae, String text, String pick, BiConsumer<String, String> remember) {
        this.workbench = workbench;
        this.sae = sae;
        this.remember = remember;
        addClassName("card");
        Stream.of(pick.split(",")).filter(p -> p.matches("[0-9]{1,6}")).forEach(p -> picked.add(Integer.valueOf(p)));
        Fields.Area area = new Fields.Area(text);
        area.setId("search-text");
        area.setRows(2);
        area.getElement().setAttribute("aria-label", "Text to find features for");
        area.getElement()
                .setAttribute("placeholder", "Type or paste any text; Enter finds the features that fire on it.");
        area.getElement().setAttribute("data-key", "t");
        area.getElement().setAttribute("data-enter", "#search-run");
        area.addValueChangeListener(e -> {
            picked.clear();
            remember.accept("pick", "");
            remember.accept("text", e.getValue());
            run(e.getValue());
        });
        var run = Kit.button("Find", "main", () -> run(area.getValue()));
        run.setId("search-run");
        tokens.setId("search-tokens");
        found.setId("search-found");
        tokens.onPick(this::toggle);
        Div line = Kit.div("line gap", words, Kit.div("end", run));
        add(area, line, cut, Kit.div("gap", tokens), Kit.div("gap", found));
        if (!text.isBlank()) {
            addAttachListener(e -> {
                e.unregisterListener();
                run(text);
            });
        }
    }

    private void run(String text) {
        if (text.isBlank()) {
            return;
        }
        Background.run(
                this,
                () -> workbench.features().test(sae, text, List.of(), ALL),
                r -> {
                    result = r;
                    cut.removeAll();
                    if (r.cutTokens() > 0) {
                        cut.add(InspectParts.cut(r.tokens().size(), r.cutTokens(), r.cutText()));
                    }
                    picked.removeIf(p -> p >= r.tokens().size());
                    show();
                },
                words::setText);
    }

    private void toggle(int position) {
        if (!picked.remove(position)) {
            picked.add(position);
        }
        remember.accept("pick", picked.stream().map(String::valueOf).collect(Collectors.joining(",")));
        show();
    }

    /** What a feature counts: its strongest value, or the sum over the tokens that were clicked. */
    private double score(TextTest.Row row) {
        return picked.isEmpty()
                ? row.max()
                : picked.stream().mapToDouble(p -> row.values()[p]).sum();
    }

    private void show() {
        List<TextTest.Row> rows = result.features().stream()
                .filter(r -> score(r) > 0)
                .sorted(Comparator.comparingDouble(r -> -score(r)))
                .toList();
        colour();
        words.setText(Num.count(rows.size(), "feature") + " · "
                + (picked.isEmpty()
                        ? "by the strongest token; click tokens to count only those, point at one for its own"
                        : "summed over " + Num.count(picked.size(), "token") + "; click again to leave one out"));
        double top = rows.isEmpty() ? 0 : score(rows.getFirst());
        found.set(
                BarRows.Tone.ACT,
                false,
                rows.stream()
                        .limit(MOST)
                        .map(r -> BarRows.Row.link(
                                String.valueOf(r.id()),
                                Links.feature(sae, r.id()) + "?text=" + Links.encode(String.join("", text())),
                                r.summary() == null ? null : r.summary().label(),
                                Num.activation(score(r)),
                                score(r) / top))
                        .toList(),
                "No feature fires there.");
    }

    /** Behind each token its strongest feature's activation; its tooltip names the strongest few. */
    private void colour() {
        float[] strength = new float[result.tokens().size()];
        float top = 0;
        List<String> titles = new ArrayList<>();
        for (int t = 0; t < strength.length; t++) {
            int at = t;
            List<TextTest.Row> best = result.features().stream()
                    .filter(r -> r.values()[at] > 0)
                    .sorted(Comparator.comparingDouble(r -> -r.values()[at]))
                    .limit(NAMED)
                    .toList();
            strength[t] = best.isEmpty() ? 0 : best.getFirst().values()[t];
            top = Math.max(top, strength[t]);
            titles.add(
                    best.isEmpty()
                            ? "no feature fires here"
                            : best.stream()
                                    .map(r -> r.id()
                                            + (r.summary() == null
                                                    ? ""
                                                    : " " + r.summary().label()) + " · "
                                            + Num.activation(r.values()[at]))
                                    .collect(Collectors.joining("\n")));
        }
        tokens.set(
                new TokenText.Data(result.tokens(), strength, top, 0, null, titles, null, false, List.copyOf(picked)));
    }

    /** The tokens of the text itself, without the one that the model puts in front. */
    private List<String> text() {
        List<String> all = result.tokens();
        return !all.isEmpty() && all.getFirst().matches("<[^ ]*>") ? all.subList(1, all.size()) : all;
    }
}
