package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Fmt;
import dev.loupe.model.HookInfo;
import dev.loupe.model.ModelConfig;
import dev.loupe.service.ModelView;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Language models and every point where their activations can be read or changed. */
@Route("models")
public final class ModelsView extends Page {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d+)\\.(.+)");

    ModelsView(Workbench workbench) {
        titled("Models");
        add(Kit.head("Models", "What can be captured, patched and steered, and at which hook points."));
        for (ModelView model : workbench.models().list()) {
            add(card(workbench, model));
        }
    }

    private static Section card(Workbench workbench, ModelView model) {
        ModelConfig c = model.config();
        Section card = Kit.card(Kit.div(
                "line base",
                Kit.title(model.id()),
                c == null ? Kit.chip("unusable", "bad", "") : Kit.chip(c.family(), "", "architecture family")));
        card.setId("model-" + model.id());
        if (c == null) {
            card.add(Kit.failure(String.valueOf(model.problem())));
            return card;
        }
        card.add(Kit.div(
                "gap",
                Kit.facts(
                        Kit.fact(Num.whole(c.nLayers()), "layers", "n_layers: transformer blocks"),
                        Kit.fact(Num.whole(c.dModel()), "d_model", "width of the residual stream"),
                        Kit.fact(heads(c), "heads", "n_heads, and key-value heads where there are fewer"),
                        Kit.fact(Num.whole(c.dMlp()), "d_mlp", "neurons in each layer's MLP"),
                        Kit.fact(Num.whole(c.dVocab()), "tokens in the vocabulary", "d_vocab"),
                        Kit.fact(Fmt.count(c.parameters()), "parameters", "counted from the shapes"),
                        Kit.fact(Num.whole(c.nCtx()), "tokens of context", "n_ctx"),
                        Kit.fact(Fmt.bytes(model.bytes()), "on disk", model.folder()))));
        card.add(Kit.div(
                "gap",
                Kit.heading("Hook points", "where activations can be read or changed; named as in TransformerLens")));
        card.add(hooks(workbench.models().hooks(model.id())));
        return card;
    }

    private static String heads(ModelConfig c) {
        return c.nKeyValueHeads() == c.nHeads() ? Num.whole(c.nHeads()) : c.nHeads() + " / " + c.nKeyValueHeads();
    }

    /** One row per kind of hook; the hooks of all blocks share one. */
    private static Component hooks(List<HookInfo> hooks) {
        Map<String, List<HookInfo>> kinds = new LinkedHashMap<>();
        for (HookInfo h : hooks) {
            Matcher m = BLOCK.matcher(h.hook().name());
            kinds.computeIfAbsent(
                            m.matches() ? "blocks.*." + m.group(2) : h.hook().name(), k -> new ArrayList<>())
                    .add(h);
        }
        List<List<Component>> rows = new ArrayList<>();
        kinds.forEach((name, same) -> rows.add(List.of(
                Kit.text("mono", name.replace("*", same.size() > 1 ? "0–" + (same.size() - 1) : "*")),
                Kit.text("dim", same.getFirst().meaning()),
                Kit.text("mono dim", same.getFirst().shape()),
                Kit.text(
                        same.getFirst().width() == HookInfo.VARIES
                                ? "varies"
                                : Num.whole(same.getFirst().width())))));
        return Kit.table(List.of("hook", "what it is", "shape", "floats per token"), Set.of(3), rows);
    }
}
