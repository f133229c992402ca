package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.Example;
import dev.loupe.feature.ExampleBand;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.Histogram;
import dev.loupe.ui.element.TokenExamples;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Texts on which a latent fires, by bands of strength, at three lengths of context, all on one colour scale. */
final class FeatureExamples extends Section {
    private static final String STRONGEST = "strongest";
    private static final String WHOLE = "whole";

    /** Tokens on either side of the peak, by the name that the address has for it; null for all that the index keeps. */
    private static final Map<String, @Nullable Integer> AROUND = around();

    private final Workbench workbench;
    private final String sae;
    private final FeatureDetail feature;
    private final Histogram histogram;
    private final BiConsumer<String, String> remember;
    private final TokenExamples list = new TokenExamples();
    private final Div foot = Kit.div("faint");
    private String band;
    private String context;
    private boolean breaks;

    /**
     * Makes the list.
     *
     * @param state what the address says about {@code band}, {@code context} and {@code breaks}
     * @param histogram where the chosen band is shaded
     * @param remember gets what changes, by the same names
     */
    FeatureExamples(
            Workbench workbench,
            String sae,
            FeatureDetail feature,
            Map<String, String> state,
            Histogram histogram,
            BiConsumer<String, String> remember) {
        this.workbench = workbench;
        this.sae = sae;
        this.feature = feature;
        this.histogram = histogram;
        this.remember = remember;
        addClassName("card");
        setId("examples");
        foot.getStyle().set("padding-top", "8px");
        Map<String, String> tabs = new LinkedHashMap<>();
        tabs.put(STRONGEST, "Strongest");
        for (ExampleBand b : feature.bands()) {
            tabs.put(b.name(), b.name());
        }
        band = tabs.containsKey(state.get("band")) ? state.getOrDefault("band", "") : STRONGEST;
        context = AROUND.containsKey(state.get("context")) ? state.getOrDefault("context", "") : "line";
        breaks = "1".equals(state.get("breaks"));
        Fields.Tabs choice = new Fields.Tabs(tabs, band, b -> {
            band = b;
            remember.accept("band", b.equals(STRONGEST) ? "" : b);
            show();
        });
        add(Kit.div("tabline", choice, lengths()), list, foot);
        show();
    }

    private static Map<String, @Nullable Integer> around() {
        Map<String, @Nullable Integer> around = new LinkedHashMap<>();
        around.put("short", 5);
        around.put("line", null);
        around.put(WHOLE, null);
        return around;
    }

    /** The lengths of context, and whether line ends are obeyed. */
    private Component lengths() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("short", "short");
        names.put("line", "line");
        names.put(WHOLE, "whole sequence");
        Fields.Segments lengths = new Fields.Segments("Context", names, context, c -> {
            boolean other = c.equals(WHOLE) != context.equals(WHOLE);
            context = c;
            remember.accept("context", c.equals("line") ? "" : c);
            if (other) {
                show();
            } else {
                list.view(AROUND.get(context), breaks);
            }
        });
        NativeButton ends = new NativeButton("↵");
        ends.setTitle("Break lines where the text does");
        ends.setAriaLabel("Break lines where the text does");
        ends.getElement().setAttribute("aria-pressed", String.valueOf(breaks));
        ends.addClickListener(e -> {
            breaks = !breaks;
            ends.getElement().setAttribute("aria-pressed", String.valueOf(breaks));
            remember.accept("breaks", breaks ? "1" : "");
            list.view(AROUND.get(context), breaks);
        });
        return Kit.div("end line tight", Kit.text("faint only-wide", "context"), lengths, Kit.div("seg", ends));
    }

    private void show() {
        List<Example> examples = feature.examples();
        String where = "the strongest of " + Num.count(feature.documents(), "document");
        ExampleBand chosen = null;
        for (ExampleBand b : feature.bands()) {
            if (b.name().equals(band)) {
                chosen = b;
                examples = b.examples();
                where = (b.to() > b.from() ? Num.percent(b.to() - b.from()) + " of its documents: " : "documents ")
                        + "those whose strongest token reaches " + Num.activation(b.low()) + " to "
                        + Num.activation(b.high());
            }
        }
        histogram.band(
                chosen == null || chosen.examples().isEmpty() ? null : (double) chosen.low(),
                chosen == null || chosen.examples().isEmpty() ? null : (double) chosen.high());
        String said = where;
        List<Example> known = examples;
        fill(known, said);
        if (context.equals(WHOLE) && !known.isEmpty()) {
            String asked = band;
            Background.run(
                    this,
                    () -> workbench.closeUps().whole(sae, feature.summary().id(), known),
                    whole -> {
                        if (asked.equals(band) && context.equals(WHOLE)) {
                            fill(whole, said);
                        }
                    },
                    foot::setText);
        }
    }

    private void fill(List<Example> examples, String where) {
        List<TokenExamples.Row> rows = new ArrayList<>();
        for (Example e : examples) {
            rows.add(new TokenExamples.Row(
                    Num.activation(e.max()),
                    e.tokens(),
                    e.values(),
                    e.peak(),
                    (e.label().isEmpty() ? "" : e.label() + " · ") + "doc " + e.document()
                            + (e.heldOut() ? " · held out" : ""),
                    e.documentName(),
                    e.label().matches("[a-z]{2,3}") && !e.label().equals("und") ? e.label() : null));
        }
        list.set(new TokenExamples.Data(
                feature.summary().max(), rows, "No example in this band.", AROUND.get(context), breaks));
        foot.setText(examples.isEmpty() ? "" : Num.count(examples.size(), "text") + " · one per document · " + where);
    }
}
