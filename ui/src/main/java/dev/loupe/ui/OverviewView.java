package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Fmt;
import dev.loupe.model.ModelConfig;
import dev.loupe.service.Job;
import dev.loupe.service.ModelView;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Everything in the workspace at a glance. */
@Route("")
public final class OverviewView extends Page {
    private static final int JOBS_SHOWN = 6;

    OverviewView(Workbench workbench) {
        titled("Overview");
        add(models(workbench), jobs(workbench));
    }

    private static Component models(Workbench workbench) {
        List<List<Component>> rows = new ArrayList<>();
        for (ModelView m : workbench.models().list()) {
            ModelConfig c = m.config();
            rows.add(List.of(
                    Kit.link("/models", m.id()),
                    Kit.text("dim", c == null ? String.valueOf(m.problem()) : c.family()),
                    Kit.text(c == null ? "–" : Num.whole(c.nLayers())),
                    Kit.text(c == null ? "–" : Num.whole(c.dModel())),
                    Kit.text(c == null ? "–" : Fmt.count(c.parameters()))));
        }
        return Kit.card(
                Kit.heading("Models", "hook points of each under its name"),
                Kit.table(List.of("model", "architecture", "layers", "d_model", "parameters"), Set.of(2, 3, 4), rows));
    }

    private static Component jobs(Workbench workbench) {
        List<Job> jobs = workbench.jobs().list();
        if (jobs.isEmpty()) {
            return Kit.empty("No jobs yet", "Captures, trainings and indexing appear here while they run.", "loupe demo");
        }
        Div list = new Div();
        List<List<Component>> rows = new ArrayList<>();
        jobs.stream().limit(JOBS_SHOWN).forEach(j -> rows.add(List.of(
                Kit.link("/jobs?job=" + j.id(), j.title()),
                JobCard.state(j),
                Kit.text(Num.when(j.created())),
                Kit.text(JobCard.took(j)))));
        list.add(Kit.table(List.of("what", "state", "when", "took"), Set.of(3), rows));
        return Kit.card(Kit.heading("Jobs", "", Kit.link("/jobs", "all " + jobs.size())), list);
    }
}
