package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.base.Progress;
import dev.loupe.patch.PatchMethod;
import dev.loupe.patch.PatchMetric;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which parts of the model make it answer as it does: relevance patching of a prompt pair, drawn layer by position. */
@Route("patch")
public final class PatchView extends Page implements BeforeEnterObserver {
    /** A pair on which the embedded model shows agreement in number. */
    private static final Map<String, String> EXAMPLE = Map.of(
            "model", "builtin",
            "clean", "I would like to thank the rapporteur. I",
            "corrupt", "We would like to thank the rapporteur. We",
            "answer", " am",
            "wrong", " are");

    private static final int TO_VERIFY = 40;
    private static final int TASK_PAIRS = 16;

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();
    private final Div form = new Div();
    private final Div outcome = Kit.div("stack");
    private final PatchOutcome drawn = new PatchOutcome();
    private final NativeButton run = Kit.button("Run", "main", () -> start(0));
    private final NativeButton verify = Kit.button("Check by exact patching", "", () -> start(TO_VERIFY));
    private final NativeButton save = Kit.button("Save", "", this::save);
    private final Div cost = Kit.div("faint gap");
    private final PatchTasks library;
    private @Nullable PatchResult shown;
    private int asked;

    PatchView(Workbench workbench) {
        this.workbench = workbench;
        titled("Relevance patching");
        run.add(Kit.kbd("⏎"));
        run.setId("run");
        verify.setId("verify");
        save.setId("save");
        library = new PatchTasks(workbench, this::task);
    }

    /** Takes pairs of a task, or a single pair again. */
    private void task(String name) {
        state.put("task", name);
        start(0);
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        QueryParameters q = event.getLocation().getQueryParameters();
        state.clear();
        for (String key : List.of(
                "model", "clean", "corrupt", "answer", "wrong", "method", "metric", "rules", "sites", "verify",
                "task")) {
            state.put(key, parameter(q, key));
        }
        if (state.getOrDefault("clean", "").isEmpty()) {
            state.putAll(EXAMPLE);
        }
        fill("model", "builtin");
        fill("method", "relp");
        fill("metric", "difference");
        fill("rules", String.join(",", PatchRequest.DEFAULT_RULES));
        fill("sites", String.join(",", PatchRequest.DEFAULT_SITES));
        build();
        start("1".equals(state.get("verify")) ? TO_VERIFY : 0);
    }

    private void fill(String key, String value) {
        state.merge(key, value, (old, other) -> old.isEmpty() ? other : old);
    }

    private void build() {
        removeAll();
        form.removeAll();
        form.add(Kit.div(
                "pairform",
                prompt("clean", "Clean prompt"),
                line("answer", "Answer"),
                prompt("corrupt", "Corrupted prompt"),
                line("wrong", "Wrong answer")));
        form.getElement().setAttribute("data-enter", "#run");
        add(
                Kit.card(
                        Kit.div(
                                "line base",
                                Kit.title("What makes it answer “"
                                        + state.getOrDefault("answer", "").strip() + "”?"),
                                Kit.div("end line", save, run)),
                        library.card(this, state.getOrDefault("model", "builtin"), state.getOrDefault("task", "")),
                        Kit.div("gap", form),
                        drawn.pair(),
                        drawn.facts()),
                outcome,
                Kit.div("cols", drawn.maps(), Kit.div("stack", method(), drawn.truth(verify))));
    }

    private Div prompt(String key, String label) {
        Fields.Area area = new Fields.Area(state.getOrDefault(key, ""));
        area.addValueChangeListener(e -> state.put(key, e.getValue()));
        area.setId(key);
        return Kit.field(label, area);
    }

    private Div line(String key, String label) {
        Input input = Fields.line(state.getOrDefault(key, ""));
        input.addClassName("mono");
        input.addValueChangeListener(e -> state.put(key, e.getValue()));
        input.setId(key);
        return Kit.field(label, input);
    }

    private com.vaadin.flow.component.html.Section method() {
        Map<String, String> methods = new LinkedHashMap<>();
        methods.put("relp", "Relevance patching (RelP)");
        methods.put("atp", "Attribution patching");
        methods.put("ig", "Integrated gradients, 16 steps");
        methods.put("ap", "Activation patching, exact and slow");
        methods.put("atp_qk", "Attribution patching, exact attention patterns (QK fix)");
        methods.put("atp_drop", "Attribution patching, GradDrop (no sign)");
        methods.put("atp_star", "AtP*: both corrections (no sign)");
        Map<String, String> metrics = new LinkedHashMap<>();
        metrics.put("difference", "logit difference");
        metrics.put("normalised", "difference, corrupted 0 to clean 1");
        metrics.put("logprob", "log-probability of the answer");
        metrics.put("probability", "probability, right less wrong");
        metrics.put("kl", "− KL from the clean run");
        Map<String, String> rules = new LinkedHashMap<>();
        rules.put("ln", "norm scale frozen");
        rules.put("identity", "identity for act. functions");
        rules.put("half", "half for gates");
        rules.put("ah", "attention frozen");
        rules.put("soft", "soft gate, not with identity");
        Map<String, String> sites = new LinkedHashMap<>();
        Stream.of("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z", "neurons")
                .forEach(s -> sites.put(s, s));
        Map<String, String> models = new LinkedHashMap<>();
        workbench.models().list().forEach(m -> models.put(m.id(), m.id()));
        for (SaeView s : workbench.saes().list()) {
            sites.put("sae:" + s.name(), s.name());
            sites.put("error:" + s.name(), s.name() + " error");
        }
        return Kit.card(
                Kit.heading("Method", "clean into corrupted"),
                Kit.field(
                        "Model",
                        new Fields.Choice(models, state.getOrDefault("model", "builtin"), v -> set("model", v))),
                Kit.field(
                        "Scores", new Fields.Choice(methods, state.getOrDefault("method", ""), v -> set("method", v))),
                cost,
                Kit.field(
                        "Metric", new Fields.Choice(metrics, state.getOrDefault("metric", ""), v -> set("metric", v))),
                Kit.div("gap", Kit.heading("Rules", "of the backward pass, for RelP")),
                new Fields.Toggles(
                        rules, split("rules"), v -> set("rules", v.isEmpty() ? "none" : String.join(",", v))),
                Kit.div("gap", Kit.heading("Sites", "what is patched, and SAEs at their hooks")),
                new Fields.Toggles(sites, split("sites"), v -> set("sites", String.join(",", v))));
    }

    private List<String> split(String key) {
        String v = state.getOrDefault(key, "");
        return v.isEmpty() || v.equals("none") ? List.of() : List.of(v.split(","));
    }

    private void set(String key, String value) {
        state.put(key, value);
        start(0);
    }

    private void start(int toVerify) {
        UI ui = UI.getCurrent();
        state.put("verify", toVerify > 0 ? "1" : "");
        remember(ui, "patch", state);
        PatchRequest request = new PatchRequest(
                state.get("model"),
                state.getOrDefault("clean", ""),
                state.getOrDefault("corrupt", ""),
                state.get("answer"),
                state.get("wrong"),
                state.getOrDefault("method", ""),
                state.getOrDefault("metric", ""),
                split("rules"),
                split("sites"),
                16,
                null,
                toVerify,
                0);
        String task = state.getOrDefault("task", "");
        if (!task.isEmpty()) {
            request = PatchRequest.of("", "", "", "")
                    .withModel(request.model() == null ? "builtin" : request.model())
                    .withMethod(PatchMethod.of(request.method()))
                    .withMetric(PatchMetric.of(request.metric()))
                    .withRules(request.rules())
                    .withSites(request.sites().toArray(String[]::new))
                    .withVerify(toVerify)
                    .withTask(task, TASK_PAIRS);
        }
        form.setVisible(task.isEmpty());
        library.mark(task);
        PatchRequest asking = request;
        cost.setText("");
        Background.run(
                this,
                () -> workbench.patch().plan(asking, Progress.silent()),
                plan -> cost.setText("about " + Num.fixed(plan.seconds(), 1) + " s: " + plan.forwards() + " forwards, "
                        + plan.backwards() + " backwards, " + plan.exactRuns() + " exact runs"),
                sentence -> cost.setText(""));
        int mine = ++asked;
        busy(true, toVerify > 0);
        drawn.waiting();
        Background.run(
                this,
                () -> workbench.patch().run(asking, Progress.silent()),
                result -> done(mine, result),
                sentence -> failed(mine, sentence));
    }

    private void busy(boolean on, boolean verifying) {
        run.setEnabled(!on);
        verify.setEnabled(!on);
        verify.setText(on && verifying ? "Checking…" : "Check by exact patching");
    }

    private void done(int mine, PatchResult result) {
        if (mine == asked) {
            busy(false, false);
            outcome.removeAll();
            drawn.show(result);
            shown = result;
            result.notes().forEach(n -> outcome.add(Kit.card(Kit.text("warn", n))));
        }
    }

    private void save() {
        PatchResult result = shown;
        if (result != null) {
            Background.run(
                    this,
                    () -> workbench.patch().save(result, null),
                    saved -> outcome.add(Kit.card(Kit.text("good", "Saved as " + saved.id() + "."))),
                    sentence -> outcome.add(Kit.failure(sentence)));
        }
    }

    private void failed(int mine, String sentence) {
        if (mine == asked) {
            busy(false, false);
            outcome.removeAll();
            outcome.add(Kit.failure(sentence));
            drawn.clear();
        }
    }
}
