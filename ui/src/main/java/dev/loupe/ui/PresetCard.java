package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Section;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** Ready edits to begin with: a switch of language, a topic. They are looked up in a feature index, none is written down. */
final class PresetCard extends Section {
    private static final int LANGUAGES = 8;
    private static final int TOPICS = 5;
    private static final double STRENGTH = 0.6;
    private static final double SHARE = 0.8;

    /** Makes the card; only SAEs of {@code model} can steer it. */
    PresetCard(Workbench workbench, String model, Consumer<Edit> chosen) {
        addClassName("card");
        List<String> saes = workbench.features().ofTheModels().stream()
                .filter(s -> workbench.saes().get(s).model().equals(model))
                .toList();
        setVisible(!saes.isEmpty());
        if (saes.isEmpty()) {
            return;
        }
        FeatureIndex index = workbench
                .features()
                .index(saes.stream()
                        .filter(s -> s.startsWith("topk"))
                        .findFirst()
                        .orElse(saes.getFirst()));
        Div languages = Kit.div("line tight gap");
        languages(index).forEach((language, f) -> languages.add(button(name(language), index.sae(), f, chosen)));
        Div topics = Kit.div("line tight gap");
        topics(index).forEach(f -> topics.add(button(f.topToken().strip(), index.sae(), f, chosen)));
        add(Kit.heading("Try", "features of " + index.sae()));
        if (languages.getComponentCount() > 0) {
            add(Kit.div("dim", Kit.text("Switch the language")), languages);
        }
        if (topics.getComponentCount() > 0) {
            add(Kit.div("dim gap", Kit.text("Turn to a topic")), topics);
        }
    }

    private static com.vaadin.flow.component.html.NativeButton button(
            String text, String sae, FeatureSummary f, Consumer<Edit> chosen) {
        var b = Kit.button(text, "small", () -> chosen.accept(Edit.feature(sae, f.id(), EditOp.ADD, STRENGTH)));
        b.setTitle("feature " + f.id() + ": " + f.label());
        return b;
    }

    /** For every language with a feature that is nearly its own, the one that fires most. */
    static Map<String, FeatureSummary> languages(FeatureIndex index) {
        Map<String, FeatureSummary> best = new LinkedHashMap<>();
        index.all().stream()
                .filter(f -> !f.dead() && f.topLabel().length() == 2 && f.topLabelShare() >= SHARE)
                .sorted(Comparator.comparingDouble((FeatureSummary f) -> -f.density() * f.topLabelShare()))
                .forEach(f -> best.putIfAbsent(f.topLabel(), f));
        Map<String, FeatureSummary> some = new LinkedHashMap<>();
        best.entrySet().stream().limit(LANGUAGES).forEach(e -> some.put(e.getKey(), e.getValue()));
        return some;
    }

    /** Features about a word of some length rather than a language or a sign, those with the most context first. */
    static List<FeatureSummary> topics(FeatureIndex index) {
        return index.all().stream()
                .filter(f ->
                        !f.dead() && f.contextual() > 0 && f.topToken().strip().matches("\\p{L}{5,}"))
                .sorted(Comparator.comparingDouble((FeatureSummary f) -> -f.contextual()))
                .limit(TOPICS)
                .toList();
    }

    private static String name(String language) {
        return Locale.of(language).getDisplayLanguage(Locale.ENGLISH);
    }
}
