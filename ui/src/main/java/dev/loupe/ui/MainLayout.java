package dev.loupe.ui;

import com.vaadin.flow.component.HasElement;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Header;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Nav;
import com.vaadin.flow.router.AfterNavigationEvent;
import com.vaadin.flow.router.AfterNavigationObserver;
import com.vaadin.flow.router.Layout;
import com.vaadin.flow.router.RouterLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The frame around every view: name, navigation, search, theme, keyboard help. */
@Layout
@JsModule("context://js/keys.js")
public final class MainLayout extends Div implements RouterLayout, AfterNavigationObserver {
    private static final List<String> PLACES = List.of(
            "features",
            "inspect",
            "compare",
            "sweeps",
            "patch",
            "circuits",
            "steer",
            "diagnostics",
            "stores",
            "models",
            "jobs");

    private final Map<String, Anchor> links = new LinkedHashMap<>();
    private final Input search = new Input();
    private final Div content = new Div();

    /** Builds the frame. */
    public MainLayout() {
        Anchor skip = new Anchor("#main", "Skip to content");
        skip.addClassName("skip");
        skip.getElement().setAttribute("router-ignore", true);
        Anchor logo = Kit.link("/", "");
        logo.addClassName("logo");
        logo.add(new Kit.Element("loupe-mark", null), Kit.text("Loupe"));
        logo.setAriaLabel("Loupe, overview");
        Nav nav = new Nav();
        nav.setAriaLabel("Pages");
        for (String place : PLACES) {
            Anchor a = Kit.link("/" + place, Character.toUpperCase(place.charAt(0)) + place.substring(1));
            links.put(place, a);
            nav.add(a);
        }
        Header top = new Header(logo, nav, searchBox(), themeButton(), helpButton());
        top.addClassName("top");
        add(skip, top, content, help());
    }

    private Div searchBox() {
        search.setPlaceholder("Search features…");
        search.setType("search");
        search.setAriaLabel("Search features");
        search.setId("search");
        search.getElement()
                .addEventListener(
                        "keydown",
                        e -> find(e.getEventData().path("element.value").asString("")))
                .setFilter("event.key === 'Enter'")
                .addEventData("element.value");
        Div box = Kit.div("search", search, Kit.kbd("/"));
        box.getElement().setAttribute("data-key", "/");
        box.getElement().setAttribute("role", "search");
        return box;
    }

    private void find(String text) {
        if (!text.isBlank()) {
            UI.getCurrent().navigate("search", Page.query(Map.of("q", text.strip())));
        }
    }

    private static NativeButton themeButton() {
        NativeButton b = new NativeButton("◐");
        b.addClassNames("btn", "icon");
        b.setTitle("Light or dark");
        b.setAriaLabel("Switch between light and dark");
        b.getElement().setAttribute("data-act", "theme");
        return b;
    }

    private static NativeButton helpButton() {
        NativeButton b = new NativeButton("?");
        b.addClassNames("btn", "icon");
        b.setTitle("Keyboard help");
        b.setAriaLabel("Keyboard help");
        b.getElement().setAttribute("popovertarget", "keyboard-help");
        b.getElement().setAttribute("data-key", "?");
        return b;
    }

    private static Div help() {
        Map<String, String> keys = new LinkedHashMap<>();
        keys.put("/", "search features");
        keys.put("j  k", "next and previous feature");
        keys.put("[  ]", "the same feature in the previous and next seed");
        keys.put("g", "go to a feature by its number");
        keys.put("r", "to a feature by chance");
        keys.put("t", "test your own text on a feature");
        keys.put("s", "steer with this feature");
        keys.put("← → ↑ ↓", "walk through a chart or heat map");
        keys.put("p  g", "in a circuit: pin a node; hold g and click to group");
        keys.put("Enter", "run, or open what is marked");
        keys.put("Esc", "leave a field");
        keys.put("?", "this help");
        Kit.Element dl = new Kit.Element("dl", null);
        keys.forEach((k, what) -> {
            Kit.Element dt = new Kit.Element("dt", null);
            for (String one : k.split(" +")) {
                dt.add(Kit.kbd(one));
            }
            Kit.Element dd = new Kit.Element("dd", null);
            dd.getElement().setText(what);
            dl.add(dt, dd);
        });
        Div help = Kit.div("help", Kit.heading("Keyboard", "Esc closes"), dl);
        help.setId("keyboard-help");
        help.getElement().setAttribute("popover", "auto");
        return help;
    }

    @Override
    public void showRouterLayoutContent(HasElement view) {
        content.getElement().removeAllChildren();
        content.getElement().appendChild(view.getElement());
    }

    @Override
    public void removeRouterLayoutContent(HasElement view) {
        content.getElement().removeAllChildren();
    }

    @Override
    public void afterNavigation(AfterNavigationEvent event) {
        String first = event.getLocation().getFirstSegment();
        links.forEach((place, a) -> {
            if (place.equals(first)) {
                a.getElement().setAttribute("aria-current", "page");
            } else {
                a.getElement().removeAttribute("aria-current");
            }
        });
        search.setValue(
                first.equals("search") ? Page.parameter(event.getLocation().getQueryParameters(), "q") : "");
    }
}
