package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.base.Progress;
import dev.loupe.graph.AttributionGraph;
import dev.loupe.graph.GraphRequest;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Explains how a prompt goes on: an attribution graph over a transcoder set. */
final class GraphForm extends Section {
    private static final String PROMPT = "I would like to thank the rapporteur for his excellent";

    private final Workbench workbench;
    private final Fields.Area prompt;
    private final Input answer = Fields.line("");
    private final Input wrong = Fields.line("");
    private final Input name = Fields.line("");
    private final Div outcome = Kit.div("gap");
    private final WorkMeter meter = new WorkMeter();
    private final NativeButton run = Kit.button("Explain", "main", this::start);
    private final List<String> sets;
    private String model = "builtin";
    private String set = "";
    private String nodes = "0.8";

    GraphForm(Workbench workbench, String text) {
        this.workbench = workbench;
        this.prompt = new Fields.Area(text.isEmpty() ? PROMPT : text);
        this.sets = workbench.graphs().transcoders();
        addClassName("card");
        setId("new-graph");
        add(Kit.heading("Explain a prompt", "attribution graph: which features make it go on so"));
        if (sets.isEmpty()) {
            add(
                    Kit.text(
                            "dim",
                            "An attribution graph needs a transcoder for every MLP. This trains one set for the embedded model and explains a prompt with it:"),
                    new Kit.Pre("./loupe demo --circuits"));
            return;
        }
        set = sets.get(0);
        prompt.setId("graph-prompt");
        prompt.setRows(2);
        answer.setPlaceholder("the most probable tokens");
        wrong.setPlaceholder("none");
        name.setPlaceholder("made from the prompt");
        name.setId("graph-name");
        run.setId("graph-run");
        Map<String, String> models = new LinkedHashMap<>();
        workbench.models().list().forEach(m -> models.put(m.id(), m.id()));
        Map<String, String> kept = new LinkedHashMap<>();
        kept.put("0.6", "60 % of the influence");
        kept.put("0.8", "80 % of the influence");
        kept.put("0.9", "90 % of the influence");
        kept.put("0.95", "95 % of the influence");
        getElement().setAttribute("data-enter", "#graph-run");
        add(
                Kit.field("Prompt", prompt),
                Kit.div(
                        "two keep gap",
                        Kit.field("Model", new Fields.Choice(models, model, v -> model = v)),
                        Kit.field("Transcoders", Fields.Choice.of(sets, set, v -> set = v)),
                        Kit.field("Token to explain", answer),
                        Kit.field("against", wrong),
                        Kit.field("Keep nodes with", new Fields.Choice(kept, nodes, v -> nodes = v)),
                        Kit.field("Save as", name)),
                Kit.div("line gap", run, meter),
                outcome);
    }

    private void start() {
        GraphRequest request = GraphRequest.of(model, set, prompt.getValue())
                .withAnswers(answer.getValue(), wrong.getValue())
                .withThresholds(Double.parseDouble(nodes), 0.98);
        String as = name.getValue().isBlank()
                ? CircuitImport.free(workbench, prompt.getValue().strip().toLowerCase(java.util.Locale.ROOT))
                : name.getValue().strip();
        outcome.removeAll();
        run.setEnabled(false);
        Progress p = meter.begin();
        UI ui = UI.getCurrent();
        Background.run(
                this,
                () -> workbench.graphs().save(workbench.graphs().run(request, p), as),
                (AttributionGraph saved) -> {
                    meter.end();
                    ui.navigate("circuits/" + saved.id(), Page.query(Map.of("kind", "graph")));
                },
                sentence -> {
                    meter.end();
                    run.setEnabled(true);
                    outcome.add(Kit.text("bad", sentence));
                });
    }
}
