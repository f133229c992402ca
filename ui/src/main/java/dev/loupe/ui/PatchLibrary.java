package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.patch.task.TaskScore;
import dev.loupe.service.ModelView;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Every task with what every model makes of it: how often it is right, grey where it fails, measured on request. */
final class PatchLibrary extends Section {
    private final Workbench workbench;
    private final BiConsumer<String, String> chosen;
    private final Map<String, List<TaskScore>> known = new LinkedHashMap<>();
    private final Div body = new Div();
    private final WorkMeter meter = new WorkMeter();
    private @Nullable String measuring;

    /**
     * The library.
     *
     * @param chosen gets a model and a task
     */
    PatchLibrary(Workbench workbench, BiConsumer<String, String> chosen) {
        this.workbench = workbench;
        this.chosen = chosen;
        addClassName("card");
        setId("library");
        add(
                Kit.heading("Task library", "right answers on held-out prompts, and the mean logit difference"),
                body,
                meter);
        setVisible(false);
    }

    /** Shows or hides the library; what was measured before is there at once. */
    void toggle(String current) {
        setVisible(!isVisible());
        if (!isVisible()) {
            return;
        }
        Set<String> models = models(current);
        Background.run(
                this,
                () -> {
                    Map<String, List<TaskScore>> found = new LinkedHashMap<>();
                    models.forEach(m -> workbench.patch().measured(m).ifPresent(scores -> found.put(m, scores)));
                    return found;
                },
                found -> {
                    known.putAll(found);
                    draw(models);
                },
                this::failed);
        draw(models);
    }

    private Set<String> models(String current) {
        Set<String> all = new LinkedHashSet<>(List.of(current));
        workbench.models().list().stream().map(ModelView::id).forEach(all::add);
        return all;
    }

    private void failed(String sentence) {
        body.removeAll();
        body.add(Kit.text("bad", sentence));
    }

    private void measure(String model, Set<String> models) {
        measuring = model;
        draw(models);
        Progress p = meter.begin();
        Background.run(
                this,
                () -> workbench.patch().tasks(model, p),
                scores -> {
                    known.put(model, scores);
                    measuring = null;
                    meter.end();
                    draw(models);
                },
                sentence -> {
                    measuring = null;
                    meter.end();
                    draw(models);
                    body.add(Kit.text("bad", sentence));
                });
    }

    private void draw(Set<String> models) {
        body.removeAll();
        List<String> head = new ArrayList<>(List.of("task"));
        head.addAll(models);
        List<List<Component>> rows = new ArrayList<>();
        List<Component> buttons = new ArrayList<>(List.of(Kit.text("")));
        boolean unmeasured = false;
        for (String m : models) {
            if (known.containsKey(m)) {
                buttons.add(Kit.text(""));
            } else {
                unmeasured = true;
                NativeButton b =
                        Kit.button(m.equals(measuring) ? "Measuring…" : "Measure", "small", () -> measure(m, models));
                b.setAriaLabel("Measure the tasks on " + m);
                b.setEnabled(measuring == null);
                buttons.add(b);
            }
        }
        if (unmeasured) {
            rows.add(buttons);
        }
        dev.loupe.patch.task.Tasks.all().forEach(task -> {
            List<Component> row = new ArrayList<>();
            row.add(Kit.div("wrap", Kit.text(task.title()), Kit.text("faint", " " + task.about())));
            for (String m : models) {
                row.add(cell(m, task.name()));
            }
            rows.add(row);
        });
        body.add(Kit.table(head, Set.of(), rows));
    }

    private Component cell(String model, String task) {
        TaskScore score = known.getOrDefault(model, List.of()).stream()
                .filter(t -> t.name().equals(task))
                .findFirst()
                .orElse(null);
        if (score == null) {
            return Kit.text("faint", "–");
        }
        String text = score.pairs() == 0
                ? "no pairs fit"
                : Num.fixed(100 * score.accuracy(), 0) + " % · " + Num.signed(score.meanDifference(), 1);
        NativeButton b = Kit.button(text, "small", () -> chosen.accept(model, task));
        b.setEnabled(score.usable());
        b.getElement().setAttribute("title", score.usable() ? score.example() : score.reason());
        b.setAriaLabel(score.title() + " with " + model + ": " + text
                + (score.usable() ? "" : ", not offered: " + score.reason()));
        return b;
    }
}
