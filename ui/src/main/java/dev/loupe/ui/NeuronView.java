package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.memory.NeuronCard;
import dev.loupe.service.Models;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** One MLP neuron as a memory: what it answers to, how its activation comes about, and what it then promotes. */
@Route("neurons/:layer/:neuron")
public final class NeuronView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;
    private final UiProgress progress = new UiProgress();

    NeuronView(Workbench workbench) {
        this.workbench = workbench;
        addDetachListener(e -> progress.stop());
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        int layer = number(event, "layer");
        int neuron = number(event, "neuron");
        String named = parameter(event.getLocation().getQueryParameters(), "model");
        String model = named.isBlank() ? Models.BUILTIN : named;
        titled("Neuron " + layer + ":" + neuron);
        removeAll();
        Div body = Kit.div("stack");
        body.setId("neuron");
        body.add(Kit.card(Kit.text("dim", "Reading some text…")));
        add(head(model, layer, neuron), body);
        Background.run(
                this,
                () -> workbench.diagnose().neuron(model, layer, neuron, progress),
                card -> {
                    body.removeAll();
                    show(body, card);
                },
                sentence -> {
                    body.removeAll();
                    body.add(Kit.failure(sentence));
                });
    }

    private static int number(BeforeEnterEvent event, String name) {
        String text = event.getRouteParameters().get(name).orElse("");
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new UsageException(
                    "A neuron has two numbers, its layer and its place there; \"" + text + "\" is none.");
        }
    }

    private Component head(String model, int layer, int neuron) {
        Input where = Fields.line(layer + ":" + neuron);
        where.setId("neuron-place");
        where.setAriaLabel("Layer and neuron");
        where.getElement().getStyle().set("width", "8em");
        where.addValueChangeListener(e -> {
            String[] parts = e.getValue().strip().split("[:, ]+");
            if (e.isFromClient() && parts.length == 2 && (parts[0] + parts[1]).matches("\\d{1,9}")) {
                getUI().ifPresent(ui ->
                        ui.navigate("neurons/" + parts[0] + "/" + parts[1], query(java.util.Map.of("model", model))));
            }
        });
        return Kit.card(Kit.div(
                "line base",
                Kit.title("Neuron " + layer + ":" + neuron),
                Kit.chip("model " + model, "", "the language model"),
                where,
                Kit.link("/diagnostics", "all diagnostics")));
    }

    private static void show(Div body, NeuronCard c) {
        body.add(Kit.card(
                Kit.heading("What it computes", c.mlp()),
                Kit.div("mono", Kit.text(c.formula())),
                Kit.div(
                        "gap",
                        Kit.facts(
                                Kit.fact(
                                        Num.percent(c.active()),
                                        "of tokens above 0",
                                        "share of " + c.tokens() + " tokens"),
                                Kit.fact(
                                        Num.percent(c.agreement()),
                                        "of its places are followed by what it promotes",
                                        "next token among the ten that it promotes most")))));
        List<List<Component>> places = new ArrayList<>();
        for (NeuronCard.Place p : c.places()) {
            Div text = Kit.div("", Kit.text("dim", p.before()), Kit.bold(p.token()), Kit.text("dim", p.after()));
            places.add(List.of(
                    text,
                    Kit.text(Num.fixed(p.pre(), 3)),
                    Kit.text(Num.fixed(p.coefficient(), 4)),
                    Kit.text(Num.fixed(p.linear(), 3)),
                    Kit.text(Num.fixed(p.post(), 3))));
        }
        body.add(
                Kit.card(
                        Kit.heading("Key", "where it is strongest"),
                        Kit.table(
                                List.of("text", "x", "act(x) / x", "linear part", "activation"),
                                Set.of(1, 2, 3, 4),
                                places)),
                Kit.div(
                        "cols even",
                        logits("Value", "tokens that it promotes", c.promoted()),
                        logits("Against", "tokens that it lowers", c.suppressed())));
    }

    private static Component logits(String title, String why, List<NeuronCard.Promoted> tokens) {
        List<List<Component>> rows = new ArrayList<>();
        for (NeuronCard.Promoted t : tokens) {
            rows.add(List.of(Kit.text("mono", t.token()), Kit.text(Num.signed(t.logit(), 3))));
        }
        return Kit.card(Kit.heading(title, why), Kit.table(List.of("token", "logit at activation 1"), Set.of(1), rows));
    }
}
