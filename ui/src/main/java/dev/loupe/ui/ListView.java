package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** One list of features: what it says about each, and the list as files. */
@Route("lists/:name")
public final class ListView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;
    private FeatureList list = new FeatureList("", "", List.of(), 0, java.time.Instant.EPOCH);
    private final Div said = Kit.div("faint");

    ListView(Workbench workbench) {
        this.workbench = workbench;
        said.setId("list-said");
        said.getElement().setAttribute("role", "status");
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        show(event.getRouteParameters().get("name").orElse(""));
    }

    private void show(String name) {
        list = workbench.notes().list(name);
        titled(name);
        removeAll();
        Section head = Kit.card(
                Kit.div("line tight dim", Kit.link("/lists", "all lists")),
                Kit.div(
                        "line base",
                        Kit.title(name),
                        Kit.text("dim", Num.count(list.features().size(), "feature")),
                        files()));
        Input about = Fields.line(list.description());
        about.setId("about");
        about.setAriaLabel("What they have in common");
        about.setPlaceholder("What do they have in common?");
        about.addValueChangeListener(e -> {
            if (e.isFromClient()) {
                save(e.getValue().strip(), list.features());
            }
        });
        head.add(Kit.div("gap", about), said);
        add(head);
        if (list.features().isEmpty()) {
            add(Kit.card(Kit.text("dim", "No feature is in this list. Open one and add it under Notes.")));
            return;
        }
        List<List<Component>> rows = new ArrayList<>();
        for (FeatureList.Item item : list.features()) {
            rows.add(row(item));
        }
        add(Kit.card(
                Kit.table(List.of("feature", "SAE", "of tokens", "score", "why it is here", ""), Set.of(2, 3), rows)));
    }

    private List<Component> row(FeatureList.Item item) {
        FeatureSummary f = summary(item);
        return List.of(
                Kit.link(Links.feature(item.sae(), item.id()), item.id() + (f == null ? "" : " · " + f.label())),
                Kit.link(Links.features(item.sae()), item.sae()),
                Kit.text(f == null ? "–" : Num.percent(f.density())),
                Kit.text(f == null ? "–" : Num.fixed(f.labelScore(), 2)),
                Kit.text("wrap dim", item.comment()),
                Kit.button(
                        "take out",
                        "small",
                        () -> save(
                                list.description(),
                                list.features().stream()
                                        .filter(i -> !(i.sae().equals(item.sae()) && i.id() == item.id()))
                                        .toList())));
    }

    /** What the index knows; nothing if the SAE or its index is gone. */
    private @org.jspecify.annotations.Nullable FeatureSummary summary(FeatureList.Item item) {
        try {
            return workbench.features().index(item.sae()).summary(item.id());
        } catch (NotFoundException e) {
            return null;
        }
    }

    private void save(String description, List<FeatureList.Item> items) {
        try {
            workbench.notes().save(new FeatureList(list.name(), description, items, list.version(), list.changed()));
            show(list.name());
            said.removeClassName("bad");
            said.setText("saved " + Num.when(list.changed()));
        } catch (LoupeException e) {
            show(list.name());
            said.addClassName("bad");
            said.setText(String.valueOf(e.getMessage()));
        }
    }

    /** One page for all, and JSON lines per SAE, since a file of features is of one SAE. */
    private Div files() {
        if (list.features().isEmpty()) {
            return Kit.div("");
        }
        Div all = Kit.div(
                "line tight end", file("/api/lists/" + list.name() + "/html", "HTML", "one page, needs no server"));
        Map<String, List<Integer>> saes = new LinkedHashMap<>();
        list.features()
                .forEach(i ->
                        saes.computeIfAbsent(i.sae(), s -> new ArrayList<>()).add(i.id()));
        saes.forEach((sae, ids) -> all.add(file(
                "/api/features/" + sae + "/export?ids="
                        + ids.stream().map(String::valueOf).collect(Collectors.joining(",")),
                saes.size() == 1 ? "JSONL" : "JSONL of " + sae,
                "Neuronpedia's JSON lines")));
        return all;
    }

    private static Anchor file(String href, String name, String title) {
        Anchor a = new Anchor(href, name);
        a.addClassNames("btn", "small");
        a.getElement().setAttribute("router-ignore", true);
        a.setTitle(title);
        return a;
    }
}
