package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Span;
import dev.loupe.base.Progress;
import dev.loupe.patch.task.TaskScore;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The task library of the patching page: what a model can do is offered, what it fails is grey and says why. */
final class PatchTasks {
    private final Workbench workbench;
    private final Consumer<String> chosen;
    private final Map<String, NativeButton> buttons = new LinkedHashMap<>();
    private final Span imported = Kit.chip("", "", "pairs of an imported file");
    private String current = "";
    private String from = "";

    PatchTasks(Workbench workbench, Consumer<String> chosen) {
        this.workbench = workbench;
        this.chosen = chosen;
    }

    /** The library for a model. Its accuracies are measured in the background the first time. */
    Component card(Component view, String model, String task) {
        current = task;
        Div all = Kit.div("line gap");
        all.setId("tasks");
        all.add(Kit.text("faint", "Measuring which tasks this model can do…"));
        Background.run(
                view,
                () -> workbench.patch().tasks(model, Progress.silent()),
                scores -> fill(all, scores),
                sentence -> {
                    all.removeAll();
                    all.add(Kit.text("bad", sentence));
                });
        return all;
    }

    private void fill(Div all, List<TaskScore> scores) {
        all.removeAll();
        buttons.clear();
        NativeButton one = chip("One pair", "", "Your own pair of prompts", true);
        all.add(Kit.text("faint", "Tasks"), one);
        for (TaskScore t : scores) {
            String measured = t.pairs() == 0
                    ? t.reason()
                    : Num.fixed(100 * t.accuracy(), 0) + " % right, mean logit difference "
                            + Num.signed(t.meanDifference(), 1);
            String why = t.about() + " " + t.example() + " (" + measured + (t.usable() ? "" : ": " + t.reason()) + ")";
            NativeButton button = chip(t.title(), t.name(), why, t.usable());
            if (t.pairs() > 0) {
                button.add(new Span(Num.fixed(100 * t.accuracy(), 0) + " %"));
            }
            all.add(button);
        }
        imported.setVisible(!from.isEmpty());
        all.add(imported);
        mark(current, null, 0);
    }

    private NativeButton chip(String title, String name, String why, boolean usable) {
        NativeButton button = new NativeButton(title, e -> chosen.accept(name));
        button.addClassName("chip");
        button.getElement().setAttribute("title", why);
        button.setEnabled(usable);
        buttons.put(name, button);
        return button;
    }

    /**
     * Shows what is taken.
     *
     * @param task a task; empty for one pair or a file's
     * @param file the file whose pairs are taken; empty for none, null for no change
     * @param pairs how many they are
     */
    void mark(String task, @Nullable String file, int pairs) {
        current = task;
        if (file != null) {
            from = file;
            imported.setText(file + ", " + Num.count(pairs, "pair"));
            imported.setVisible(!file.isEmpty());
        }
        buttons.forEach((name, b) -> b.getElement()
                .setAttribute(
                        "aria-pressed", String.valueOf(name.equals(task) && (!task.isEmpty() || from.isEmpty()))));
    }
}
