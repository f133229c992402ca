package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Progress;
import dev.loupe.service.InspectRequest;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A model on one text: what each layer would say, where heads look, what adds up to a logit. */
@Route("inspect")
public final class InspectView extends Page implements BeforeEnterObserver {
    private static final String TEXT = "I would like to thank the rapporteur for his excellent report.";
    private static final List<String> KEPT =
            List.of("text", "model", "view", "token", "versus", "show", "layer", "head", "query", "position", "sae");

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();
    private final Div outcome = Kit.div("stack");
    private String drawn = ""; // the view that is shown now
    private final WorkMeter meter = new WorkMeter();

    InspectView(Workbench workbench) {
        this.workbench = workbench;
        titled("Inspect");
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        QueryParameters q = event.getLocation().getQueryParameters();
        KEPT.forEach(k -> state.put(k, parameter(q, k)));
        if (state("text").isEmpty()) {
            state.put("text", TEXT);
        }
        removeAll();
        add(head(), meter, outcome);
        run();
    }

    String state(String key) {
        return state.getOrDefault(key, "");
    }

    /** A number of the state, or another one. */
    int number(String key, int otherwise) {
        return state(key).matches("-?[0-9]{1,6}") ? Integer.parseInt(state(key)) : otherwise;
    }

    /** Keeps a choice in the address. */
    void keep(String key, String value) {
        state.put(key, value);
        Map<String, String> shown = new LinkedHashMap<>(state);
        shown.computeIfPresent("text", (k, v) -> v.equals(TEXT) ? "" : v);
        remember(UI.getCurrent(), "inspect", shown);
    }

    /** Keeps a choice and looks again. */
    void change(String key, String value) {
        keep(key, value);
        run();
    }

    private Component head() {
        Fields.Area text = new Fields.Area(state("text"));
        text.setId("inspect-text");
        text.setRows(2);
        text.getElement().setAttribute("aria-label", "Text to look into");
        text.getElement().setAttribute("data-key", "t");
        text.getElement().setAttribute("data-enter", "#inspect-run");
        text.addValueChangeListener(e -> change("text", e.getValue()));
        var run = Kit.button("Look", "main", this::run);
        run.setId("inspect-run");
        run.add(Kit.kbd("⏎"));
        Map<String, String> models = new LinkedHashMap<>();
        workbench.models().list().forEach(m -> models.put(m.id(), m.id()));
        String model = models.containsKey(state("model")) ? state("model") : "builtin";
        Div options = Kit.div(
                "options inspect gap",
                Kit.field("model", new Fields.Choice(models, model, m -> change("model", m))),
                Kit.field("token to follow", line("token", "the text's next token")),
                Kit.field("against", line("versus", "no other token")),
                Kit.div("line", run));
        options.getElement().setAttribute("data-enter", "#inspect-run");
        Map<String, String> views = new LinkedHashMap<>();
        views.put("lens", "Logit lens");
        views.put("attention", "Attention");
        views.put("attribution", "Attribution");
        Fields.Tabs tabs = new Fields.Tabs(views, view(), v -> change("view", v.equals("lens") ? "" : v));
        tabs.getStyle().set("margin", "12px 0 0");
        return Kit.card(
                Kit.div("line base", Kit.title("Inspect"), Kit.text("dim", "a model on one text")),
                Kit.div("gap", text),
                options,
                tabs);
    }

    private Input line(String key, String hint) {
        Input i = Fields.line(state(key));
        i.setId("inspect-" + key);
        i.setPlaceholder(hint);
        i.getElement().setAttribute("title", "The token as the model writes it, with its blank, or #NUMBER");
        i.addValueChangeListener(e -> change(key, e.getValue()));
        return i;
    }

    private String view() {
        return List.of("attention", "attribution").contains(state("view")) ? state("view") : "lens";
    }

    private void run() {
        meter.end();
        if (state("text").isBlank()) {
            outcome.removeAll();
            outcome.add(Kit.failure("There is no text to look at: type some."));
            return;
        }
        InspectRequest r = new InspectRequest(
                state("text"),
                blank(state("model")),
                null,
                blank(state("token")),
                blank(state("versus")),
                5,
                number("layer", 0),
                number("position", -1),
                blank(state("sae")));
        Progress work = meter.begin();
        String view = view();
        waiting(view);
        Background.run(
                this,
                () -> InspectParts.of(workbench, view, r, work),
                parts -> show(work, () -> parts.draw(this)),
                sentence -> show(work, () -> Kit.failure(sentence)));
    }

    /** What stands here while the model reads: the last result, dimmed, or else what is coming. */
    private void waiting(String view) {
        outcome.getElement().setAttribute("aria-busy", "true");
        if (!view.equals(drawn)) {
            outcome.removeAll();
            Section coming = Kit.card(
                    Kit.heading(InspectParts.title(view), ""),
                    Kit.div("dim", Kit.text("The model reads the text. What it finds will stand here.")));
            coming.setId("inspect-waiting");
            outcome.add(coming);
        }
    }

    private void show(Progress work, Supplier<Component> result) {
        if (meter.is(work)) {
            meter.end();
            drawn = view();
            outcome.getElement().removeAttribute("aria-busy");
            outcome.removeAll();
            outcome.add(work.cancelled() ? Kit.failure("Stopped. Look again with the button above.") : result.get());
        }
    }

    private static @Nullable String blank(String value) {
        return value.isEmpty() ? null : value;
    }
}
