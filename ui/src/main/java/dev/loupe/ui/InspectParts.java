package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.inspect.AttentionPattern;
import dev.loupe.inspect.InspectedText;
import dev.loupe.inspect.LensGrid;
import dev.loupe.service.InspectRequest;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.AttentionHeads;
import dev.loupe.ui.element.LensTable;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The three views of the inspector: what was worked out off the page's lock, and how it is drawn under it. */
@FunctionalInterface
interface InspectParts {
    /** Tokens that are drawn; a grid with more columns can be had over HTTP. */
    int MOST = 160;

    /** Draws what was worked out. */
    Component draw(InspectView view);

    /** Works out a view. */
    static InspectParts of(Workbench workbench, String name, InspectRequest r, Progress progress) {
        progress.stage("the model reads the text", -1, "tokens");
        return switch (name) {
            case "attention" -> attention(workbench, r);
            case "attribution" -> attribution(workbench, r);
            default -> lens(workbench, r, progress);
        };
    }

    /** What stands over a view. */
    static String title(String name) {
        return switch (name) {
            case "attention" -> "Where the heads look";
            case "attribution" -> "What adds up to the logit";
            default -> "What each layer would predict";
        };
    }

    private static InspectParts lens(Workbench workbench, InspectRequest r, Progress progress) {
        LensGrid g = workbench.inspect().lens(r, progress);
        int vocabulary = vocabulary(workbench, g.text().model());
        return view -> {
            List<List<LensTable.Cell>> cells = g.cells().stream()
                    .map(row -> row.stream()
                            .limit(MOST)
                            .map(c -> new LensTable.Cell(
                                    c.top().stream()
                                            .map(t -> List.<Object>of(t.text(), t.probability()))
                                            .toList(),
                                    c.rank(),
                                    c.probability(),
                                    c.entropy()))
                            .toList())
                    .toList();
            LensTable table = new LensTable();
            String show = List.of("rank", "entropy").contains(view.state("show")) ? view.state("show") : "top";
            table.set(new LensTable.Data(
                    g.text().tokens().stream().limit(MOST).toList(),
                    g.layers().stream().map(InspectParts::layer).toList(),
                    cells,
                    show,
                    g.chosen() == null ? null : "“" + g.chosen().text() + "”",
                    vocabulary));
            Map<String, String> choices = new LinkedHashMap<>();
            choices.put("top", "best token");
            choices.put("rank", "rank of the token to follow");
            choices.put("entropy", "entropy");
            Fields.Segments shown = new Fields.Segments("Shown in each cell", choices, show, s -> {
                view.keep("show", s.equals("top") ? "" : s);
                table.shows(s);
            });
            return card(
                    g.text(),
                    Kit.heading(title("lens"), g.norm()),
                    Kit.div(
                            "line small-line",
                            shown,
                            Kit.text("faint end only-wide", "underlined: the token to follow is best")),
                    table);
        };
    }

    private static int vocabulary(Workbench workbench, String model) {
        var config = workbench.models().get(model).config();
        return config == null ? 50_000 : config.dVocab();
    }

    /** A hook point as the rows call it: where the residual stream is read. */
    private static String layer(String hook) {
        return hook.replaceAll("^blocks\\.(\\d+)\\.hook_resid_post$", "after $1")
                .replaceAll("^blocks\\.0\\.hook_resid_pre$", "embedding");
    }

    private static InspectParts attention(Workbench workbench, InspectRequest r) {
        AttentionPattern a = workbench.inspect().attention(r);
        var config = workbench.models().get(a.text().model()).config();
        int layers = config == null ? 1 : config.nLayers();
        return view -> {
            int n = Math.min(MOST, a.text().tokens().size());
            float[][][] pattern = new float[a.heads()][n][];
            for (int h = 0; h < a.heads(); h++) {
                for (int q = 0; q < n; q++) {
                    float[] row = a.pattern()[h][q];
                    pattern[h][q] = Arrays.copyOf(row, Math.min(row.length, q + 1));
                    for (int k = 0; k < pattern[h][q].length; k++) {
                        pattern[h][q][k] = Math.round(1e4f * pattern[h][q][k]) / 1e4f; // what is shown has fewer digits
                    }
                }
            }
            AttentionHeads heads = new AttentionHeads();
            heads.set(new AttentionHeads.Data(
                    a.text().tokens().subList(0, n),
                    pattern,
                    a.layer(),
                    Math.clamp(view.number("head", 0), 0, a.heads() - 1),
                    Math.clamp(view.number("query", n - 1), 0, n - 1)));
            heads.onLook((head, query) -> {
                view.keep("head", String.valueOf(head));
                view.keep("query", String.valueOf(query));
            });
            Map<String, String> choices = new LinkedHashMap<>();
            for (int l = 0; l < layers; l++) {
                choices.put(String.valueOf(l), String.valueOf(l));
            }
            Fields.Segments layer =
                    new Fields.Segments("Layer", choices, String.valueOf(a.layer()), l -> view.change("layer", l));
            return card(
                    a.text(),
                    Kit.heading(title("attention"), "rows: the token that looks · columns: what it looks at"),
                    Kit.div("line small-line", Kit.text("dim", "layer"), layer),
                    heads);
        };
    }

    private static InspectParts attribution(Workbench workbench, InspectRequest r) {
        var a = workbench.inspect().attribution(r);
        List<SaeView> saes = workbench.saes().list().stream()
                .filter(s -> s.problem() == null && s.model().equals(a.text().model()))
                .toList();
        String sae = r.sae();
        Map<Integer, String> labels = new LinkedHashMap<>();
        if (sae != null && workbench.features().indexed().contains(sae)) {
            a.latents().stream()
                    .filter(p -> p.kind().equals("latent"))
                    .forEach(p -> labels.put(
                            p.index(),
                            workbench.features().index(sae).summary(p.index()).label()));
        }
        return view -> InspectAttribution.draw(view, a, saes, labels);
    }

    /** A card, which says first what of the text was cut. */
    static Section card(InspectedText text, Component... parts) {
        Section card = Kit.card(parts);
        Div note = cut(text);
        if (note != null) {
            card.addComponentAsFirst(note);
        }
        return card;
    }

    /** What was left out at the end of a text. */
    static Div cut(int kept, int cutTokens, String cutText) {
        String rest = cutText.strip();
        return Kit.notice("The text is longer than the " + Num.whole(kept) + " tokens that are looked at: "
                + Num.count(cutTokens, "token") + " at its end were left out, from “"
                + (rest.length() > 60 ? rest.substring(0, 60) + "…" : rest) + "” on.");
    }

    /** What was left out of a text, or null. */
    static @org.jspecify.annotations.Nullable Div cut(InspectedText text) {
        if (text.cutTokens() > 0) {
            return cut(text.tokens().size(), text.cutTokens(), text.cutText());
        }
        if (text.tokens().size() > MOST) {
            return Kit.div(
                    "notice",
                    Kit.text("The first " + MOST + " of " + text.tokens().size()
                            + " tokens are drawn; /api/inspect gives them all."));
        }
        return null;
    }
}
