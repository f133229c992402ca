package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Variant;
import java.util.function.Function;

/** Saving the edits under a name, and taking up saved ones. */
final class VariantCard extends Section {
    private final Workbench workbench;
    private final Div saved = Kit.div("line tight gap");
    private final Span words = Kit.text("dim", "");

    VariantCard(Workbench workbench, Function<String, Variant> current) {
        this.workbench = workbench;
        addClassName("card");
        Input name = Fields.line("");
        name.setAriaLabel("Name of the variant");
        name.setPlaceholder("name");
        Div line = Kit.div(
                "line",
                Kit.div("grow", name),
                Kit.button("Save", "", () -> save(name.getValue().strip(), current)));
        add(Kit.heading("Variant", "a saved set of edits, for scripts too"), line, words, saved);
        list();
    }

    private void save(String name, Function<String, Variant> current) {
        words.setClassName("bad", false);
        try {
            Variant v = current.apply(name);
            v.check();
            if (name.isEmpty() || v.edits().isEmpty()) {
                throw new UsageException("A variant needs a name and at least one edit.");
            }
            workbench.steer().save(v);
            words.setText("Saved as " + name + ".");
        } catch (LoupeException e) {
            words.setText(String.valueOf(e.getMessage()));
            words.setClassName("bad", true);
        }
        list();
    }

    private void list() {
        saved.removeAll();
        workbench.steer().variants().forEach(v -> saved.add(Kit.linkButton("/steer?variant=" + v, v, "small")));
        saved.setVisible(saved.getChildren().findAny().isPresent());
    }
}
