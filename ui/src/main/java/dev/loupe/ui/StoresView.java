package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Fmt;
import dev.loupe.service.StoreRow;
import dev.loupe.service.StoreView;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Activation stores: what was captured from which text, and a look at the first rows. */
@Route("stores")
public final class StoresView extends Page {
    private static final int ROWS = 24;

    StoresView(Workbench workbench) {
        titled("Stores");
        List<StoreView> stores = workbench.stores().list();
        if (stores.isEmpty()) {
            add(
                    Kit.empty(
                            "No activation stores yet",
                            "A store holds a model's activations on a text, one row per token.",
                            "loupe capture --model builtin --text builtin:europarl --hook blocks.3.hook_resid_post --tokens 500000 --name NAME"));
        }
        if (!stores.isEmpty()) {
            add(Kit.head(
                    "Activation stores", "What a model computed on a text: a row for each token at every hook point."));
        }
        stores.forEach(s -> add(card(workbench, s)));
    }

    private static Section card(Workbench workbench, StoreView s) {
        Section card = Kit.card(Kit.div("line base", Kit.title(s.name()), Kit.chip(s.model(), "", "model")));
        card.setId("store-" + s.name());
        if (s.problem() != null) {
            card.add(Kit.failure(s.problem()));
            return card;
        }
        card.add(
                Kit.div(
                        "gap",
                        Kit.facts(
                                Kit.fact(Num.whole(s.tokens()), "tokens", "rows of every hook point"),
                                Kit.fact(
                                        Num.whole(s.heldOutTokens()),
                                        "held out",
                                        "rows of documents that no training may use: " + s.heldOut()),
                                Kit.fact(Num.whole(s.documents()), "documents", "documents the rows come from"),
                                Kit.fact(Num.whole(s.sequences()), "sequences", "runs of the model"),
                                Kit.fact(
                                        Num.whole(s.context()),
                                        "tokens of context",
                                        "longest sequence, special tokens included"),
                                Kit.fact(
                                        s.prependBos() ? "yes" : "no", "BOS in front", "special positions have no row"),
                                Kit.fact(Fmt.bytes(s.bytes()), "on disk", "Arrow IPC files"))),
                Kit.div("gap dim", Kit.text("Text: " + s.text())),
                Kit.div("gap", hooks(s)));
        Div rows = new Div();
        NativeButton look = Kit.button("First rows", "gap", () -> {});
        look.addClickListener(e -> {
            look.setEnabled(false);
            Background.run(
                    card,
                    () -> workbench.stores().head(s.name(), ROWS),
                    head -> rows.add(Kit.div("gap"), rows(s, head)),
                    sentence -> rows.add(Kit.failure(sentence)));
        });
        card.add(look, rows);
        return card;
    }

    private static Component hooks(StoreView s) {
        List<List<Component>> rows = new ArrayList<>();
        s.hooks()
                .forEach(h -> rows.add(List.of(
                        Kit.text("mono", h.name()),
                        Kit.text(Num.whole(h.width())),
                        Kit.text("dim", h.dtype()),
                        Kit.text(Num.fixed(h.meanNorm(), 3)),
                        Kit.text(Num.fixed(h.meanSquaredNorm(), 2)),
                        Kit.text("dim", norms(h)))));
        Div all = Kit.div("");
        all.add(Kit.table(
                List.of("hook", "width", "type", "mean norm", "mean squared norm", "norms: 1 %, median, 99 %, largest"),
                Set.of(1, 3, 4),
                rows));
        s.hooks().stream()
                .map(StoreView.Hook::warning)
                .filter(w -> !w.isEmpty())
                .forEach(w -> all.add(Kit.div("gap dim", Kit.text(w))));
        return all;
    }

    private static String norms(StoreView.Hook h) {
        Map<String, Double> q = h.normQuantiles();
        if (q == null || q.isEmpty()) {
            return "";
        }
        return Stream.of("0.01", "0.5", "0.99", "1")
                .map(share -> Num.fixed(q.getOrDefault(share, Double.NaN), 2))
                .collect(Collectors.joining(" · "));
    }

    private static Component rows(StoreView s, List<StoreRow> head) {
        List<List<Component>> rows = new ArrayList<>();
        head.forEach(r -> rows.add(List.of(
                Kit.text(Num.whole(r.row())),
                Kit.text("mono", r.token().replace("\n", "↵").replace(' ', '␣')),
                Kit.text(Num.whole(r.sequence())),
                Kit.text(Num.whole(r.position())),
                Kit.text(
                        "dim",
                        r.document()
                                + (r.label().isEmpty() ? "" : " · " + r.label())
                                + (r.heldOut() ? " · held out" : "")),
                Kit.text("mono dim", values(r.values())))));
        return Kit.table(
                List.of(
                        "row",
                        "token",
                        "sequence",
                        "position",
                        "document",
                        "first values of " + s.hooks().getFirst().name()),
                Set.of(0, 2, 3),
                rows);
    }

    private static String values(float[] v) {
        StringBuilder s = new StringBuilder();
        for (float x : v) {
            s.append(s.isEmpty() ? "" : "  ").append(Num.fixed(x, 3));
        }
        return s + " …";
    }
}
