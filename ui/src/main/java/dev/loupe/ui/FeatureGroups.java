package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.service.GroupCount;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The built-in lists of an SAE: how long each is, beside the same list of a model that never learned anything. */
final class FeatureGroups extends Section {
    private final Map<String, NativeButton> buttons = new LinkedHashMap<>();

    /**
     * Makes the card.
     *
     * @param chosen key of the list that is shown now; empty for none
     * @param choose gets the key of a list, or nothing when it is left again
     */
    FeatureGroups(List<GroupCount> groups, String sae, String chosen, Consumer<String> choose) {
        addClassName("card");
        setId("groups");
        boolean control = groups.stream().anyMatch(g -> g.control() != null);
        add(Kit.heading(
                "Built-in lists",
                control
                        ? "features · share of those alive · the random-model control's share"
                        : "features · share of those alive"));
        Div all = Kit.div("groups");
        for (GroupCount g : groups) {
            NativeButton b = new NativeButton();
            b.addClassName("group");
            b.getElement().setAttribute("type", "button");
            b.setTitle(g.meaning());
            b.add(
                    Kit.bold(Num.whole(g.count())),
                    Kit.text("", g.title()),
                    Kit.text("faint", Num.percent(g.share()) + control(g)));
            b.addClickListener(e -> {
                boolean on = "true".equals(b.getElement().getAttribute("aria-pressed"));
                press(on ? "" : g.key());
                choose.accept(on ? "" : g.key());
            });
            buttons.put(g.key(), b);
            all.add(b);
        }
        press(chosen);
        add(all);
        if (!control) {
            add(Kit.div(
                    "faint gap",
                    Kit.text("No random-model control yet, to see how much of this a model has that never learned"
                            + " anything. This makes it: "),
                    Kit.text("mono", "loupe index " + sae + " --control")));
        }
    }

    /** Marks a list as shown. */
    void press(String key) {
        buttons.forEach((k, b) -> b.getElement().setAttribute("aria-pressed", String.valueOf(k.equals(key))));
    }

    private static String control(GroupCount g) {
        Double share = g.controlShare();
        Integer count = g.control();
        return share == null || count == null ? "" : " · control " + Num.percent(share) + " (" + Num.whole(count) + ")";
    }
}
