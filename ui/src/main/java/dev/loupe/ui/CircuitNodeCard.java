package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The chosen node of a circuit: its figures, its name, its group, what comes in and goes out, and its feature's texts. */
final class CircuitNodeCard extends Section {
    private static final int MOST_LINKS = 10;
    private static final int EXAMPLES = 4;
    private static final String NEW_GROUP = "+";

    private final Workbench workbench;
    private final CircuitShown shown;
    private final CircuitLook look;
    private final Runnable changed;
    private final Consumer<String> select;

    /**
     * The card.
     *
     * @param changed called when the node was pinned, grouped or named
     * @param select called with another node to choose
     */
    CircuitNodeCard(
            Workbench workbench, CircuitShown shown, CircuitLook look, Runnable changed, Consumer<String> select) {
        this.workbench = workbench;
        this.shown = shown;
        this.look = look;
        this.changed = changed;
        this.select = select;
        addClassName("card");
        setId("node");
        getElement().setAttribute("aria-live", "polite");
    }

    /** Shows the chosen node, or says how to choose one. */
    void show() {
        removeAll();
        CircuitShown.NodeText n = look.selected().isEmpty() ? null : shown.node(look.selected());
        if (n == null) {
            add(
                    Kit.heading("Node", ""),
                    Kit.text(
                            "dim",
                            "Click a node to see what feeds it and what it feeds. Ctrl-click or p pins it below the graph; hold g and click nodes to group them. With the keyboard: arrows, Enter, p."));
            return;
        }
        String own = look.label(n.id());
        add(
                Kit.heading("Node", n.where()),
                Kit.div("line base", Kit.bold(own.isEmpty() ? n.name() : own), Kit.chip(n.kind(), "", n.id())),
                Kit.div("gap", figures(n.facts())),
                Kit.div("gap line", pin(n.id()), links(n)),
                Kit.div("two keep gap", name(n, own), group(n.id())));
        list("Comes in", shown.into(n.id()));
        list("Goes out", shown.outOf(n.id()));
        examples(n);
    }

    /** Figures as a row of facts. */
    static Div figures(List<String[]> all) {
        Div facts = Kit.facts();
        all.forEach(f -> {
            Div one = Kit.fact(f[0], f[1], f[2]);
            one.addClassName("small");
            facts.add(one);
        });
        return facts;
    }

    private Component pin(String id) {
        boolean on = look.isPinned(id);
        NativeButton b = Kit.button(on ? "Unpin" : "Pin", "small", () -> {
            look.pin(id);
            changed.run();
        });
        b.getElement().setAttribute("aria-pressed", String.valueOf(on));
        b.setId("pin");
        return b;
    }

    private Component links(CircuitShown.NodeText n) {
        Integer feature = n.feature();
        String sae = n.sae();
        if (feature == null || sae == null || !workbench.saes().names().contains(sae)) {
            return Kit.text("");
        }
        return Kit.div(
                "line tight",
                Kit.linkButton(Links.feature(sae, feature), "Feature page", "small"),
                Kit.linkButton(Links.steer(sae, feature), "Steer", "small"));
    }

    private Component name(CircuitShown.NodeText n, String own) {
        Input input = Fields.line(own);
        input.setId("node-name");
        input.setPlaceholder(n.name());
        input.addValueChangeListener(e -> {
            look.rename(n.id(), e.getValue());
            changed.run();
        });
        return Kit.field("Its name", input);
    }

    private Component group(String id) {
        String now = look.groupOf(id);
        Map<String, String> names = new LinkedHashMap<>();
        names.put("", "none");
        look.groupNames().forEach(g -> names.put(g, g));
        names.put(NEW_GROUP, "a new group");
        Fields.Choice choice = new Fields.Choice(names, now, v -> {
            look.group(List.of(id), v.equals(NEW_GROUP) ? free() : v);
            changed.run();
        });
        choice.setId("node-group");
        Div field = Kit.field("Its group", choice);
        if (!now.isEmpty()) {
            Input rename = Fields.line(now);
            rename.setId("group-name");
            rename.getElement().setAttribute("aria-label", "Name of the group");
            rename.addValueChangeListener(e -> {
                if (!e.getValue().isBlank()) {
                    look.renameGroup(now, e.getValue());
                    changed.run();
                }
            });
            field.add(rename);
        }
        return field;
    }

    /** A name that no group has. */
    private String free() {
        int n = 1;
        while (look.groupNames().contains("group " + n)) {
            n++;
        }
        return "group " + n;
    }

    private void list(String title, List<CircuitShown.Link> links) {
        if (links.isEmpty()) {
            return;
        }
        double most = Math.abs(links.get(0).weight());
        Div rows = Kit.div("rows");
        links.stream().limit(MOST_LINKS).forEach(l -> rows.add(row(l, most)));
        add(Kit.div("gap", Kit.heading(title, links.size() > MOST_LINKS ? "largest of " + links.size() : "")), rows);
    }

    private Component row(CircuitShown.Link l, double most) {
        String own = look.label(l.id());
        NativeButton name = new NativeButton(own.isEmpty() ? l.name() : own, e -> select.accept(l.id()));
        name.addClassNames("name", "plain");
        name.getElement().setAttribute("title", l.id());
        Kit.Element fill = new Kit.Element("i", null);
        fill.getElement().getStyle().set("--w", String.valueOf(most == 0 ? 0 : Math.abs(l.weight()) / most));
        Span bar = Kit.text("bar " + (l.weight() >= 0 ? "pos" : "neg"), "");
        bar.getElement().setAttribute("aria-hidden", "true");
        bar.add(fill);
        return Kit.div("row weight", name, bar, Kit.text("num", Num.signed(l.weight(), 2)));
    }

    private void examples(CircuitShown.NodeText n) {
        Integer feature = n.feature();
        String sae = n.sae();
        if (feature == null || sae == null) {
            return;
        }
        Div place = Kit.div("gap");
        add(place);
        Background.run(
                this,
                () -> workbench.features().indexed().contains(sae)
                        ? List.of(workbench.features().detail(sae, feature))
                        : List.<dev.loupe.feature.FeatureDetail>of(),
                found -> {
                    if (found.isEmpty()) {
                        place.add(Kit.text("faint", "Its texts are shown once loupe index " + sae + " has run."));
                    } else if (n.id().equals(look.selected())) {
                        place.add(
                                Kit.heading(
                                        "Where it fires",
                                        Num.percent(found.get(0).summary().density()) + " of tokens"),
                                PairPanel.examples(found.get(0), EXAMPLES));
                    }
                },
                sentence -> place.add(Kit.text("faint", sentence)));
    }

    /** A group of nodes that somebody collected; its name is made up until they give it one. */
    void group(List<String> ids) {
        List<String> all = new ArrayList<>(ids);
        look.group(all, free());
        look.select(all.get(0));
        changed.run();
    }
}
