package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.SaeView;
import dev.loupe.service.TextTest;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.TokenText;
import java.util.List;
import java.util.function.Consumer;

/** The box where a person's own text is tested on a latent, on the colour scale of its examples. */
final class FeatureTest extends Section {
    private final Workbench workbench;
    private final SaeView sae;
    private final FeatureSummary feature;
    private final TokenText tokens = new TokenText();
    private final Div words = Kit.div("faint");
    private final Div cut = Kit.div("gap");

    FeatureTest(Workbench workbench, SaeView sae, FeatureSummary feature, String text, Consumer<String> remember) {
        this.workbench = workbench;
        this.sae = sae;
        this.feature = feature;
        addClassName("card");
        Fields.Area area = new Fields.Area(text);
        area.setId("test-text");
        area.getElement().setAttribute("aria-label", "Text to test on this feature");
        area.getElement().setAttribute("placeholder", "Type any text; Enter runs it.");
        area.getElement().setAttribute("data-key", "t");
        area.getElement().setAttribute("data-enter", "#test-run");
        area.addValueChangeListener(e -> {
            remember.accept(e.getValue());
            run(e.getValue());
        });
        var run = Kit.button("Test", "small end", () -> run(area.getValue()));
        run.setId("test-run");
        tokens.setId("test-tokens");
        words.setId("test-words");
        tokens.getStyle().set("margin-top", "8px");
        area.setRows(2);
        add(Kit.heading("Test on your text", "", Kit.kbd("t"), run), area, cut, tokens, words);
        if (!text.isBlank()) {
            addAttachListener(e -> {
                e.unregisterListener();
                run(text);
            });
        }
    }

    private void run(String text) {
        if (text.isBlank()) {
            tokens.setVisible(false);
            words.setText("");
            return;
        }
        Background.run(
                this,
                () -> workbench.features().test(sae.name(), text, List.of(feature.id()), 1),
                this::show,
                sentence -> {
                    tokens.setVisible(false);
                    words.setText(sentence);
                });
    }

    private void show(TextTest result) {
        cut.removeAll();
        if (result.cutTokens() > 0) {
            cut.add(InspectParts.cut(result.tokens().size(), result.cutTokens(), result.cutText()));
        }
        float[] values = result.features().getFirst().values();
        int peak = -1;
        for (int i = 0; i < values.length; i++) {
            if (values[i] > 0 && (peak < 0 || values[i] > values[peak])) {
                peak = i;
            }
        }
        tokens.setVisible(true);
        tokens.set(new TokenText.Data(result.tokens(), values, feature.max(), 0, null, null, null));
        words.setText(
                peak < 0
                        ? "It does not fire on this text."
                        : "max " + Num.activation(values[peak]) + " on “"
                                + result.tokens().get(peak).strip() + "”");
    }
}
