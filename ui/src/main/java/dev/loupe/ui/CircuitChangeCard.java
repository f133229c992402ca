package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Nodes taken away, turned up or turned round, and what the model then answers beside what it answered before. */
final class CircuitChangeCard extends Section {
    private final CircuitShown shown;
    private final CircuitLook look;
    private final Div outcome = Kit.div("gap");
    private final WorkMeter meter = new WorkMeter();
    private final NativeButton one = Kit.button("Chosen node", "small", () -> run(false));
    private final NativeButton all = Kit.button("All pinned", "small", () -> run(true));
    private String factor = "0";

    CircuitChangeCard(CircuitShown shown, CircuitLook look) {
        this.shown = shown;
        this.look = look;
        addClassName("card");
        setId("change");
        one.setId("change-one");
        all.setId("change-all");
        outcome.getElement().setAttribute("aria-live", "polite");
        Div how = Kit.div("");
        if (shown.scales()) {
            Map<String, String> factors = new LinkedHashMap<>();
            factors.put("0", "take away");
            factors.put("-1", "turn round (× −1)");
            factors.put("2", "double");
            factors.put("5", "× 5");
            Fields.Choice choice = new Fields.Choice(factors, factor, v -> factor = v);
            choice.setId("factor");
            how.add(Kit.field("Multiply its output", choice));
        }
        add(
                Kit.heading(
                        "What if?",
                        shown.scales()
                                ? "everything behind it computed anew"
                                : "set to its mean over corrupted prompts"),
                how,
                Kit.div("line gap", one, all),
                meter,
                outcome);
        show();
    }

    /** Offers what can be changed now. */
    void show() {
        one.setEnabled(!look.selected().isEmpty() && shown.changes(look.selected()));
        all.setEnabled(look.chosen().stream().anyMatch(shown::changes));
    }

    private void run(boolean pinned) {
        List<String> ids =
                pinned ? look.chosen().stream().filter(shown::changes).toList() : List.of(look.selected());
        Progress p = meter.begin();
        String what = (factor.equals("0") || !shown.scales() ? "without " : "× " + factor + " for ")
                + (ids.size() == 1 ? name(ids.get(0)) : Num.count(ids.size(), "node"));
        Background.run(
                this,
                () -> shown.change(ids, Double.parseDouble(shown.scales() ? factor : "0"), p),
                change -> {
                    if (meter.is(p)) {
                        meter.end();
                        draw(what, change);
                    }
                },
                sentence -> {
                    if (meter.is(p)) {
                        meter.end();
                        outcome.removeAll();
                        outcome.add(Kit.text("bad", sentence));
                    }
                });
    }

    private String name(String id) {
        CircuitShown.NodeText n = shown.node(id);
        String own = look.label(id);
        return own.isEmpty() ? n == null ? id : n.name() : own;
    }

    private void draw(String what, CircuitChange c) {
        outcome.removeAll();
        outcome.add(Kit.heading(what, ""), CircuitNodeCard.figures(c.facts()));
        if (!c.tokens().isEmpty()) {
            List<List<Component>> rows = new ArrayList<>();
            c.tokens()
                    .forEach(t -> rows.add(List.of(
                            Kit.text("mono", t.text().replace(' ', '␣').replace("\n", "↵")),
                            Kit.text(Num.percent(t.before())),
                            Kit.text(Num.percent(t.after())))));
            outcome.add(Kit.div("gap", Kit.table(List.of("next token", "before", "after"), Set.of(1, 2), rows)));
        }
    }
}
