package dev.loupe.ui;

import com.vaadin.flow.component.combobox.ComboBox;
import com.vaadin.flow.component.html.Div;
import dev.loupe.service.FeatureHit;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.FeatureSearch;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A field that finds features by number, label, token or text, and turns the chosen one into an edit. */
final class FeaturePicker extends Div {
    private static final int MOST = 50;

    FeaturePicker(Workbench workbench, Consumer<Edit> chosen) {
        if (workbench.features().indexed().isEmpty()) {
            add(Kit.text("dim", "No SAE has a feature index yet: "), new Kit.Pre("loupe demo"));
            return;
        }
        ComboBox<FeatureHit> box = new ComboBox<>();
        box.setId("feature-picker");
        box.setAriaLabel("Add a feature");
        box.setPlaceholder("a word, a token or a number");
        box.setWidthFull();
        box.setItemLabelGenerator(
                h -> h.hit().summary().id() + " · " + h.hit().summary().label() + "  (" + h.sae() + ")");
        box.setItems(q -> {
            String text = q.getFilter().orElse("").strip();
            Stream<FeatureHit> hits = text.isEmpty()
                    ? Stream.empty()
                    : workbench.search().find(text, FeatureSearch.By.WORDS, null, FeatureQuery.all(), MOST).stream();
            return hits.skip(q.getOffset()).limit(q.getLimit());
        });
        box.addValueChangeListener(e -> {
            FeatureHit hit = e.getValue();
            if (hit != null) {
                box.clear();
                chosen.accept(Edit.feature(hit.sae(), hit.hit().summary().id(), EditOp.ADD, 1.0));
            }
        });
        add(box);
    }
}
