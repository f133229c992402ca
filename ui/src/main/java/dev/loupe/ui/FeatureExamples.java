package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.Example;
import dev.loupe.feature.ExampleBand;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.ui.element.TokenExamples;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Texts on which a latent fires, by bands of strength, all on one colour scale. */
final class FeatureExamples extends Section {
    private static final String STRONGEST = "strongest";

    private final FeatureDetail feature;
    private final TokenExamples list = new TokenExamples();
    private final Div foot = Kit.div("faint");

    FeatureExamples(FeatureDetail feature, String chosen, Consumer<String> remember) {
        this.feature = feature;
        addClassName("card");
        foot.getStyle().set("padding-top", "8px");
        Map<String, String> tabs = new LinkedHashMap<>();
        tabs.put(STRONGEST, "Strongest");
        for (ExampleBand b : feature.bands()) {
            tabs.put(b.name(), b.name());
        }
        String band = tabs.containsKey(chosen) ? chosen : STRONGEST;
        add(
                new Fields.Tabs(tabs, band, b -> {
                    show(b);
                    remember.accept(b.equals(STRONGEST) ? "" : b);
                }),
                list,
                foot);
        show(band);
    }

    private void show(String band) {
        List<Example> examples = feature.examples();
        String where = "the strongest of " + Num.count(feature.documents(), "document");
        for (ExampleBand b : feature.bands()) {
            if (b.name().equals(band)) {
                examples = b.examples();
                where = "documents whose strongest token reaches " + Num.activation(b.low()) + " to "
                        + Num.activation(b.high());
            }
        }
        List<TokenExamples.Row> rows = new ArrayList<>();
        for (Example e : examples) {
            rows.add(new TokenExamples.Row(
                    Num.activation(e.max()),
                    e.tokens(),
                    e.values(),
                    (e.label().isEmpty() ? "" : e.label() + " · ") + "doc " + e.document()
                            + (e.heldOut() ? " · held out" : ""),
                    e.documentName(),
                    e.label().matches("[a-z]{2,3}") && !e.label().equals("und") ? e.label() : null));
        }
        list.set(new TokenExamples.Data(feature.summary().max(), rows, "No example in this band."));
        foot.setText(examples.isEmpty() ? "" : Num.count(examples.size(), "text") + " · one per document · " + where);
    }
}
