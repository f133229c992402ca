package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/** How to patch: model, method, metric, rules, sites. */
final class PatchMethodCard {
    private PatchMethodCard() {}

    /**
     * The card.
     *
     * @param cost where the page says what a run will take
     * @param changed gets the name and the new value of what was changed
     */
    static Component of(Workbench workbench, PatchState state, Component cost, BiConsumer<String, String> changed) {
        Map<String, String> models = new LinkedHashMap<>();
        workbench.models().list().forEach(m -> models.put(m.id(), m.id()));
        models.putIfAbsent(state.get("model"), state.get("model"));
        Div more = Kit.div("");
        if (state.get("method").equals("ig")) {
            Input steps = Fields.number(state.get("steps"), "1", "4096", "1");
            steps.addValueChangeListener(e -> changed.accept("steps", e.getValue()));
            more.add(Kit.field("Steps on the way", steps));
        }
        return Kit.card(
                Kit.heading("Method", "clean into corrupted"),
                Kit.div(
                        "stack tight",
                        Kit.field(
                                "Model",
                                new Fields.Choice(models, state.get("model"), v -> changed.accept("model", v))),
                        Kit.field(
                                "Scores",
                                new Fields.Choice(
                                        PatchWords.methods(), state.get("method"), v -> changed.accept("method", v))),
                        more,
                        cost,
                        Kit.field(
                                "Metric",
                                new Fields.Choice(
                                        PatchWords.metrics(), state.get("metric"), v -> changed.accept("metric", v)))),
                Kit.div("gap", Kit.heading("Rules", "of the backward pass, for RelP")),
                new Fields.Toggles(
                        PatchWords.rules(),
                        state.list("rules"),
                        v -> changed.accept("rules", v.isEmpty() ? "none" : String.join(",", v))),
                Kit.div("gap", Kit.heading("Sites", "what is patched, and SAEs at their hooks")),
                new Fields.Toggles(
                        sites(workbench), state.list("sites"), v -> changed.accept("sites", String.join(",", v))));
    }

    private static Map<String, String> sites(Workbench workbench) {
        Map<String, String> sites = new LinkedHashMap<>();
        Stream.of("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "q", "k", "v")
                .forEach(s -> sites.put(s, s));
        sites.put("z", "heads (z)");
        sites.put("z_pos", "heads by position");
        sites.put("neurons", "neurons");
        for (SaeView s : PatchWords.saes(workbench)) {
            sites.put("sae:" + s.name(), s.name());
            sites.put("error:" + s.name(), s.name() + " error");
        }
        return sites;
    }
}
