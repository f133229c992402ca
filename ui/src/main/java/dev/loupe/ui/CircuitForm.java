package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.patch.PatchMethod;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.task.Task;
import dev.loupe.patch.task.Tasks;
import dev.loupe.service.CircuitJob;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Finds which latents of some SAEs carry a task: a sparse feature circuit. */
final class CircuitForm extends Section {
    private final Workbench workbench;
    private final Input name = Fields.line("");
    private final Input nodes = Fields.number("50", "1", "2000", "1");
    private final Div outcome = Kit.div("gap");
    private final WorkMeter meter = new WorkMeter();
    private final NativeButton run = Kit.button("Find", "main", this::start);
    private String task = "person";
    private String model = "builtin";
    private String method = "relp";
    private List<String> saes = List.of();
    private List<String> beside = List.of();

    CircuitForm(Workbench workbench) {
        this.workbench = workbench;
        addClassName("card");
        setId("new-circuit");
        add(Kit.heading("Find a feature circuit", "which latents carry a task, measured by ablating all others"));
        Map<String, String> all = new LinkedHashMap<>();
        Map<String, String> firstAt = new LinkedHashMap<>();
        for (SaeView s : PatchWords.saes(workbench)) {
            all.put(s.name(), s.name());
            firstAt.putIfAbsent(s.hook(), s.name());
        }
        if (all.isEmpty()) {
            add(Kit.text("dim", "A feature circuit needs SAEs. The demo trains some:"), new Kit.Pre("./loupe demo"));
            return;
        }
        saes = List.copyOf(firstAt.values());
        Map<String, String> tasks = new LinkedHashMap<>();
        Tasks.all().forEach((Task t) -> tasks.put(t.name(), t.title()));
        if (!tasks.containsKey(task)) {
            task = tasks.keySet().iterator().next();
        }
        Map<String, String> models = new LinkedHashMap<>();
        workbench.models().list().forEach(m -> models.put(m.id(), m.id()));
        Map<String, String> methods = PatchWords.methods();
        methods.keySet().retainAll(List.of("relp", "atp", "ig", "ap"));
        name.setPlaceholder("made from the time");
        name.setId("circuit-name");
        run.setId("circuit-run");
        getElement().setAttribute("data-enter", "#circuit-run");
        add(
                Kit.div(
                        "two keep",
                        Kit.field("Task", new Fields.Choice(tasks, task, v -> task = v)),
                        Kit.field("Model", new Fields.Choice(models, model, v -> model = v)),
                        Kit.field("Effects by", new Fields.Choice(methods, method, v -> method = v)),
                        Kit.field("Nodes", nodes)),
                Kit.div("gap", Kit.heading("SAEs", "one for each hook")),
                new Fields.Toggles(all, saes, v -> saes = v),
                Kit.div("gap", Kit.heading("Curves beside it", "other methods at the same numbers of nodes")),
                new Fields.Toggles(methods, beside, v -> beside = v),
                Kit.div("two keep gap", Kit.field("Save as", name)),
                Kit.div("line gap", run, meter),
                outcome);
    }

    private void start() {
        PatchRequest patch = PatchRequest.of("", "", "", "")
                .withModel(model)
                .withMethod(PatchMethod.of(method))
                .withTask(task, 16);
        CircuitRequest request = new CircuitRequest(
                patch,
                saes,
                beside.stream().filter(m -> !m.equals(method)).toList(),
                (int) Fields.number(nodes, 50),
                0,
                true,
                0);
        String as = name.getValue().strip();
        outcome.removeAll();
        run.setEnabled(false);
        Progress p = meter.begin();
        UI ui = UI.getCurrent();
        Background.run(
                this,
                () -> workbench.circuits().run(new CircuitJob(request, as.isEmpty() ? null : as), p),
                (Circuit saved) -> {
                    meter.end();
                    ui.navigate("circuits/" + saved.id(), Page.query(Map.of("kind", "circuit")));
                },
                sentence -> {
                    meter.end();
                    run.setEnabled(true);
                    outcome.add(Kit.text("bad", sentence));
                });
    }
}
