package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Main;
import com.vaadin.flow.router.HasDynamicTitle;
import com.vaadin.flow.router.Location;
import com.vaadin.flow.router.QueryParameters;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The frame of every view: one column of cards, a title, and its state in the address. */
abstract class Page extends Main implements HasDynamicTitle {
    private String title = "Loupe";

    Page() {
        addClassName("page");
        setId("main");
    }

    /** Sets what the browser's tab says. */
    final void titled(String text) {
        title = text + " · Loupe";
    }

    @Override
    public final String getPageTitle() {
        return title;
    }

    /** Writes the state into the address without loading anything; empty values are left out. */
    static void remember(UI ui, String path, Map<String, String> state) {
        ui.getPage().getHistory().replaceState(null, new Location(path, query(state)));
    }

    /** Query parameters of a state, empty values left out. */
    static QueryParameters query(Map<String, String> state) {
        Map<String, List<String>> all = new LinkedHashMap<>();
        state.forEach((k, v) -> {
            if (!v.isEmpty()) {
                all.put(k, List.of(v));
            }
        });
        return new QueryParameters(all);
    }

    /** One query parameter, empty if it is not there. */
    static String parameter(QueryParameters all, String name) {
        return all.getSingleParameter(name).orElse("");
    }
}
