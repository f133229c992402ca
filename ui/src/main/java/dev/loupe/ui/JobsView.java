package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.service.Curve;
import dev.loupe.service.Job;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** All jobs of the workspace, whoever started them: running ones with live curves, then those that ended. */
@Route("jobs")
public final class JobsView extends Page implements BeforeEnterObserver {
    private final Workbench workbench;
    private final Div running = Kit.div("stack");
    private final Div ended = new Div();
    private final Map<String, JobCard> cards = new LinkedHashMap<>();
    private String chosen = "";

    /** One reading of all that is shown. */
    private record Snapshot(List<Job> jobs, Map<String, List<Curve>> curves) {}

    JobsView(Workbench workbench) {
        this.workbench = workbench;
        titled("Jobs");
        add(
                Kit.head("Jobs", "Captures, trainings, indexing, experiments: what runs now, and what has ended."),
                running,
                ended);
        Ticker.keep(this, this::read, this::show);
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        chosen = parameter(event.getLocation().getQueryParameters(), "job");
        show(read());
    }

    private Snapshot read() {
        List<Job> jobs = workbench.jobs().list();
        Map<String, List<Curve>> curves = new LinkedHashMap<>();
        for (Job job : jobs) {
            if (open(job)) {
                curves.put(job.id(), workbench.jobs().curves(job.id()));
            }
        }
        return new Snapshot(jobs, curves);
    }

    private boolean open(Job job) {
        return !job.state().ended() || job.id().equals(chosen);
    }

    private void show(Snapshot now) {
        List<Job> open = now.jobs().stream().filter(this::open).toList();
        cards.keySet().removeIf(id -> open.stream().noneMatch(j -> j.id().equals(id)));
        List<Component> wanted = new ArrayList<>();
        for (Job job : open) {
            JobCard card = cards.computeIfAbsent(
                    job.id(), id -> new JobCard(id, () -> workbench.jobs().cancel(id)));
            card.show(job, now.curves().getOrDefault(job.id(), List.of()));
            wanted.add(card);
        }
        if (!running.getChildren().toList().equals(wanted)) {
            running.removeAll();
            running.add(wanted);
        }
        running.setVisible(!wanted.isEmpty());
        ended.removeAll();
        List<Job> done = now.jobs().stream().filter(j -> j.state().ended()).toList();
        if (now.jobs().isEmpty()) {
            ended.add(Kit.empty(
                    "No jobs yet",
                    "Work of this server and of commands in any terminal of this workspace appears here with live curves.",
                    "loupe demo"));
        } else if (!done.isEmpty()) {
            ended.add(Kit.card(Kit.heading("Ended", Num.count(done.size(), "job")), table(done)));
        }
    }

    private static Component table(List<Job> jobs) {
        List<List<Component>> rows = new ArrayList<>();
        for (Job job : jobs) {
            rows.add(List.of(
                    Kit.link("/jobs?job=" + job.id(), job.title()),
                    JobCard.state(job),
                    Kit.text("dim", job.by().equals("cli") ? "terminal" : "server"),
                    Kit.text(Num.when(job.created())),
                    Kit.text(JobCard.took(job))));
        }
        return Kit.table(List.of("what", "how it ended", "started from", "when", "took"), Set.of(4), rows);
    }
}
