package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.base.LoupeException;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.DiagnosticResult;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.service.DiagnoseSpec;
import dev.loupe.service.Job;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The gallery of diagnostics: every question with its newest answer, and a way to ask. */
@Route("diagnostics")
public final class DiagnosticsView extends Page implements BeforeEnterObserver {
    private static final String NONE = "no SAE";

    private final Workbench workbench;
    private final Div said = Kit.div("gap");

    DiagnosticsView(Workbench workbench) {
        this.workbench = workbench;
        titled("Diagnostics");
        said.setId("diagnose-said");
        said.getElement().setAttribute("role", "status");
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        removeAll();
        Map<String, DiagnosticResult> newest = new LinkedHashMap<>();
        workbench.diagnose().results().forEach(r -> newest.putIfAbsent(r.diagnostic(), r));
        add(head(newest.size()));
        for (Topic topic : Topic.values()) {
            Div questions = Kit.div("stack");
            int count = 0;
            for (Diagnostic d : Diagnostics.all()) {
                if (d.about().topic() == topic) {
                    questions.add(row(d.about(), newest.get(d.id())));
                    count++;
                }
            }
            add(Kit.card(Kit.heading(topic.title(), Num.count(count, "question")), questions));
        }
    }

    private Section head(int answered) {
        List<String> saes = new ArrayList<>(List.of(NONE));
        saes.addAll(workbench.saes().names());
        Fields.Choice sae = Fields.Choice.of(saes, saes.size() > 1 ? saes.get(1) : NONE, chosen -> {});
        sae.setId("diagnose-sae");
        sae.getElement().setAttribute("aria-label", "SAE to ask about");
        sae.getElement().getStyle().set("width", "auto");
        NativeButton run = Kit.button("Run all", "primary", () -> start(sae.value()));
        run.setId("diagnose-run");
        return Kit.card(
                Kit.div(
                        "line base",
                        Kit.title("Diagnostics"),
                        Kit.text("dim", "Published questions about a model, a store and SAEs, many in one pass.")),
                Kit.div(
                        "line gap",
                        Kit.text("dim", "SAE"),
                        sae,
                        run,
                        Kit.text("faint", answered + " of " + Diagnostics.all().size() + " answered")),
                Kit.div("gap dim", Kit.link("/neurons/0/0", "Look at one neuron of the embedded model")),
                said);
    }

    private void start(String sae) {
        said.removeAll();
        try {
            DiagnoseSpec spec = new DiagnoseSpec(
                    List.of(),
                    null,
                    null,
                    sae.equals(NONE) ? List.of() : List.of(sae),
                    List.of(),
                    null,
                    0,
                    0,
                    0,
                    0,
                    false);
            workbench.diagnose().check(spec);
            Job job = workbench.jobs().start("diagnose", spec);
            said.add(Kit.link("/jobs?job=" + job.id(), "The job runs: see how far it is."));
        } catch (LoupeException e) {
            said.add(Kit.text("bad", String.valueOf(e.getMessage())));
        }
    }

    private static Component row(About a, @org.jspecify.annotations.Nullable DiagnosticResult r) {
        String needs = a.needs().stream().sorted().map(Need::words).collect(Collectors.joining(", "));
        if (r == null) {
            return Kit.div(
                    "",
                    Kit.div("", Kit.text(a.question())),
                    Kit.div("faint", Kit.text("not asked yet: loupe diagnose " + a.id() + " · needs " + needs)));
        }
        String model = r.made().model();
        String of = r.made().saes().isEmpty()
                ? model == null ? String.join(", ", r.made().checkpoints()) : model
                : String.join(", ", r.made().saes());
        return Kit.div(
                "",
                Kit.div("", Kit.link("/diagnostics/" + r.id(), a.question())),
                Kit.div("", Kit.text(r.answer())),
                Kit.div("faint", Kit.text("asked of " + of + " · " + a.id())));
    }
}
