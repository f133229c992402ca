package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Progress;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.service.Job;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which parts of the model make it answer as it does: relevance patching of prompt pairs, drawn layer by position. */
@Route("patch")
public final class PatchView extends Page implements BeforeEnterObserver {
    /** What takes longer than this waits for a press of Run. */
    private static final double AT_ONCE_SECONDS = 30;

    private final Workbench workbench;
    private final PatchState state = new PatchState();
    private final Div outcome = Kit.div("stack");
    private final Div many = Kit.div("line gap");
    private final Div facts = Kit.div("gap");
    private final com.vaadin.flow.component.html.H1 title = Kit.title("");
    private final Div saved = Kit.div("line tight");
    private final PatchMaps maps = new PatchMaps();
    private final PatchTruth truth = new PatchTruth(this::check);
    private final WorkMeter meter = new WorkMeter();
    private final PatchEditor editor;
    private final PatchLibrary all;
    private final NativeButton run = Kit.button("Run", "main", () -> start(true));
    private final NativeButton save = Kit.button("Save", "", this::save);
    private final Div cost = Kit.div("faint");
    private final PatchTasks library;
    private @Nullable PatchResult shown;
    private String severalOf = "";

    PatchView(Workbench workbench) {
        this.workbench = workbench;
        titled("Relevance patching");
        editor = new PatchEditor(workbench, state);
        run.add(Kit.kbd("⏎"));
        run.setId("run");
        save.setId("save");
        cost.setId("cost");
        library = new PatchTasks(workbench, this::task);
        all = new PatchLibrary(workbench, (model, task) -> {
            state.set("model", model);
            build(); // first: what runs is stopped when its meter leaves the page
            task(task);
        });
    }

    /** Takes pairs of a task, or a single pair again. */
    private void task(String name) {
        state.take(List.of(), "");
        state.set("task", name);
        start(false);
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        state.read(event.getLocation().getQueryParameters());
        shown = null;
        String id = state.get("saved");
        if (id.isEmpty()) {
            build();
            start(false);
        } else {
            PatchResult result = workbench.patch().get(id);
            state.read(result.request(), id);
            build();
            show(result);
            editor.editing(state.get("task").isEmpty() && state.imported().isEmpty());
            several();
            savedLinks(id);
        }
    }

    private void build() {
        removeAll();
        editor.fill();
        entitle();
        Map<String, String> names = new LinkedHashMap<>();
        names.put("", "Saved results");
        workbench.patch().list().forEach(n -> names.put(n, n));
        Fields.Choice earlier = new Fields.Choice(names, state.get("saved"), id -> {
            if (!id.isEmpty()) {
                UI.getCurrent().navigate("patch", query(Map.of("saved", id)));
            }
        });
        earlier.getElement().setAttribute("aria-label", "Saved results");
        earlier.addClassName("scope");
        earlier.setVisible(names.size() > 1);
        NativeButton open = Kit.button("Library", "", () -> all.toggle(state.get("model")));
        open.setId("open-library");
        add(
                Kit.card(
                        Kit.div("line base", title, Kit.div("end line", earlier, open, importer(), save, run)),
                        library.card(this, state.get("model"), state.get("task")),
                        Kit.div("gap", editor),
                        many,
                        facts,
                        meter,
                        saved),
                all,
                outcome,
                Kit.div(
                        "cols",
                        maps,
                        Kit.div(
                                "stack",
                                PatchMethodCard.of(workbench, state, cost, this::set),
                                truth.card(state.get("verify")))));
    }

    /** How many pairs of a task, and whether those that the model gets wrong count. */
    private void several() {
        String now = state.get("task") + "/" + state.importedFrom();
        if (now.equals(severalOf) && many.getElement().getChildCount() > 0) {
            return; // the field keeps its focus
        }
        severalOf = now;
        many.removeAll();
        many.setVisible(!state.get("task").isEmpty() || !state.imported().isEmpty());
        if (!state.get("task").isEmpty()) {
            Input pairs = Fields.number(state.get("pairs"), "1", "1000", "1");
            pairs.setId("pairs");
            pairs.addClassName("goto");
            pairs.getElement().setAttribute("aria-label", "Pairs of the task");
            pairs.addValueChangeListener(e -> set("pairs", e.getValue()));
            many.add(pairs, Kit.text("dim", "pairs of the task"));
        }
        many.add(new Fields.Toggles(
                Map.of("1", "only pairs that the model gets right"),
                state.list("correct"),
                v -> set("correct", v.isEmpty() ? "" : "1")));
    }

    private void entitle() {
        String answer = state.get("answer").strip();
        boolean one = state.get("task").isEmpty() && state.imported().isEmpty();
        title.setText(
                !one
                        ? "What makes it answer right?"
                        : answer.isEmpty() ? "What makes it answer so?" : "What makes it answer “" + answer + "”?");
    }

    private PatchImport importer() {
        return new PatchImport(
                (pairs, name) -> {
                    state.take(pairs, name);
                    start(false);
                },
                sentence -> {
                    outcome.removeAll();
                    outcome.add(Kit.failure(sentence));
                });
    }

    private void set(String key, String value) {
        state.set(key, value);
        if (key.equals("method") || key.equals("model")) {
            build();
        }
        start(false);
    }

    private void check(String how) {
        state.set("verify", how);
        start(true);
    }

    /** Runs what the page asks, at once or, if it takes long, when Run is pressed. */
    private void start(boolean pressed) {
        state.set("saved", "");
        remember(UI.getCurrent(), "patch", state.address());
        PatchRequest request = state.request();
        boolean one = state.get("task").isEmpty() && state.imported().isEmpty();
        editor.editing(one);
        entitle();
        several();
        library.mark(state.get("task"), state.importedFrom(), state.imported().size());
        Progress mine = meter.begin();
        busy(true, request.verify() != 0);
        saved.removeAll();
        maps.waiting("Running…");
        cost.setText("");
        Background.run(
                this,
                () -> {
                    var plan = workbench.patch().plan(request, mine);
                    String words = "about " + Num.fixed(plan.seconds(), 1) + " s: " + plan.forwards() + " forwards, "
                            + plan.backwards() + " backwards, " + plan.exactRuns() + " exact runs"
                            + (plan.memoryWords().isEmpty() ? "" : "; " + plan.memoryWords());
                    UI ui = getUI().orElseThrow();
                    Background.access(ui, () -> planned(mine, words));
                    return pressed || plan.seconds() <= AT_ONCE_SECONDS
                            ? workbench.patch().run(request, mine)
                            : null;
                },
                result -> done(mine, request, result),
                sentence -> failed(mine, one, sentence));
    }

    private void planned(Progress mine, String words) {
        if (meter.is(mine)) {
            cost.setText(words);
        }
    }

    private void busy(boolean on, boolean verifying) {
        run.setEnabled(!on);
        save.setEnabled(!on);
        truth.busy(on, verifying);
    }

    private void done(Progress mine, PatchRequest request, @Nullable PatchResult result) {
        if (!meter.is(mine)) {
            return;
        }
        meter.end();
        busy(false, false);
        if (result == null) {
            shown = null;
            maps.clear();
            truth.clear();
            facts.removeAll();
            outcome.removeAll();
            outcome.add(Kit.card(Kit.div(
                    "line",
                    Kit.text("This takes " + cost.getText() + "."),
                    Kit.button("Run it here", "main", () -> start(true)),
                    Kit.button("Run it as a job", "", () -> job(request)))));
        } else {
            show(result);
        }
    }

    private void job(PatchRequest request) {
        Background.run(
                this,
                () -> workbench.jobs().start("patch", request),
                (Job job) -> {
                    outcome.removeAll();
                    outcome.add(Kit.card(Kit.div(
                            "line",
                            Kit.text("It runs as a job, whose result is saved."),
                            Kit.link("/jobs", "Watch it"))));
                },
                sentence -> outcome.add(Kit.failure(sentence)));
    }

    private void show(PatchResult r) {
        shown = r;
        outcome.removeAll();
        facts.removeAll();
        facts.add(PatchOutcome.facts(r));
        editor.show(r);
        maps.show(
                r,
                PatchState.said(r.request().answer(), r.request().answers()),
                PatchState.said(r.request().wrong(), r.request().wrongs()));
        truth.show(r);
        r.notes().forEach(n -> outcome.add(Kit.card(Kit.text("warn", n))));
    }

    private void save() {
        PatchResult result = shown;
        if (result != null) {
            Background.run(
                    this,
                    () -> workbench.patch().save(result, null),
                    kept -> {
                        shown = kept;
                        state.set("saved", "");
                        state.read(kept.request(), kept.id());
                        remember(UI.getCurrent(), "patch", state.address());
                        savedLinks(kept.id());
                    },
                    sentence -> outcome.add(Kit.failure(sentence)));
        }
    }

    private void savedLinks(String id) {
        saved.removeAll();
        saved.addClassName("gap");
        saved.add(
                Kit.text("good", "Saved as " + id + "."),
                Kit.link("/patch?saved=" + id, "Its address"),
                file(id, "", "JSON"),
                file(id, "/cells", "Arrow"));
    }

    private static Anchor file(String id, String what, String name) {
        Anchor a = new Anchor("/api/patches/" + id + what, name);
        a.getElement().setAttribute("router-ignore", true);
        a.getElement().setAttribute("download", id + (what.isEmpty() ? ".json" : ".arrow"));
        return a;
    }

    private void failed(Progress mine, boolean one, String sentence) {
        if (!meter.is(mine)) {
            return;
        }
        meter.end();
        busy(false, false);
        shown = null;
        outcome.removeAll();
        facts.removeAll();
        maps.clear();
        truth.clear();
        editor.failed(one, () -> outcome.add(Kit.failure(sentence)));
    }
}
