package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.router.BeforeEnterEvent;
import com.vaadin.flow.router.BeforeEnterObserver;
import com.vaadin.flow.router.QueryParameters;
import com.vaadin.flow.router.Route;
import dev.loupe.base.UsageException;
import dev.loupe.service.Workbench;
import dev.loupe.steer.Edit;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.SteerResult;
import dev.loupe.steer.Variant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writing with features turned up or down: edits at the left, the default and the steered text side by side. */
@Route("steer")
public final class SteerView extends Page implements BeforeEnterObserver {
    private static final String PROMPT = "The European Parliament";

    private final Workbench workbench;
    private final Map<String, String> state = new LinkedHashMap<>();
    private final List<EditCard> cards = new ArrayList<>();
    private final Div edits = Kit.div("stack");
    private final Div outcome = Kit.div("stack");
    private final SteerOutcome texts = new SteerOutcome();
    private final NativeButton write = Kit.button("Write", "main", this::start);
    private final NativeButton stop = Kit.button("Stop", "", this::stop);
    private final Div hint = new Div();
    private final List<String> said = new ArrayList<>();
    private CodeCard code = new CodeCard(CodeSnippets.LANGUAGES);
    private @Nullable ChatPane chat;
    private final DoseCard dose;
    private UiProgress running = new UiProgress();

    SteerView(Workbench workbench) {
        this.workbench = workbench;
        this.dose = new DoseCard(workbench, this::request, this::target);
        titled("Steer");
        write.add(Kit.kbd("⏎"));
        write.setId("write");
        stop.setVisible(false);
        addDetachListener(e -> running.stop());
    }

    @Override
    public void beforeEnter(BeforeEnterEvent event) {
        QueryParameters q = event.getLocation().getQueryParameters();
        state.clear();
        for (String key : List.of("model", "chat", "prompt", "temperature", "tokens", "seed")) {
            state.put(key, parameter(q, key));
        }
        fill("model", "builtin");
        fill("prompt", PROMPT);
        fill("temperature", "0.7");
        fill("tokens", "60");
        fill("seed", "0");
        said.clear();
        said.addAll(q.getParameters("say"));
        cards.clear();
        edits.removeAll();
        outcome.removeAll();
        texts.clear();
        for (String text : q.getParameters("edit")) {
            try {
                add(Edit.parse(text));
            } catch (UsageException e) {
                outcome.add(Kit.failure(String.valueOf(e.getMessage())));
            }
        }
        String variant = parameter(q, "variant");
        if (!variant.isEmpty()) {
            workbench.steer().variant(variant).edits().forEach(this::add);
        }
        build();
        if (!cards.isEmpty() || chat != null) {
            start();
        }
    }

    private boolean chats() {
        return !state.getOrDefault("chat", "").isEmpty();
    }

    private void fill(String key, String value) {
        state.merge(key, value, (old, other) -> old.isEmpty() ? other : old);
    }

    private void build() {
        removeAll();
        String model = state.getOrDefault("model", "");
        Map<String, String> ways = new LinkedHashMap<>();
        ways.put("", "Continue a text");
        ways.put("1", "Chat");
        Fields.Tabs tabs = new Fields.Tabs(ways, chats() ? "1" : "", this::way);
        tabs.getElement().setAttribute("aria-label", "What to write");
        tabs.addClassName("gap");
        Map<String, String> models = new LinkedHashMap<>();
        workbench.models().list().forEach(m -> models.put(m.id(), m.id()));
        Div options = Kit.div(
                "options gap",
                Kit.field("model", new Fields.Choice(models, model, this::model)),
                Kit.field("temperature", number("temperature", "0", "10", "0.1")),
                Kit.field("tokens", number("tokens", "1", "4096", "1")),
                Kit.field("seed", number("seed", "0", "999999", "1")));
        Section top = Kit.card(Kit.title("Steer"), tabs);
        Div right = Kit.div("stack", top, outcome);
        code = new CodeCard(chats() ? CodeSnippets.CHAT_LANGUAGES : CodeSnippets.LANGUAGES);
        Optional<String> refusal = chats() ? workbench.chats().refusal(model) : Optional.empty();
        chat = null;
        if (refusal.isPresent()) {
            right.add(ChatPane.none(model));
        } else if (chats()) {
            ChatPane pane = new ChatPane(workbench, said, this::request, this::sae, now -> {
                said.clear();
                said.addAll(now);
                remember();
                hint();
            });
            chat = pane;
            options.add(
                    Kit.div("line", Kit.button("Answer again", "", this::start), Kit.button("Share", "", this::share)));
            right.add(pane, code);
        } else {
            options.add(Kit.div("line", write, stop, Kit.button("Share", "", this::share), texts.speed()));
            options.getElement().setAttribute("data-enter", "#write");
            top.add(Kit.div("gap", prompt()));
            right.add(texts, dose, code);
        }
        top.add(options);
        right.add(new VariantCard(workbench, this::variant));
        add(Kit.div(
                "cols left",
                Kit.div(
                        "stack",
                        edits,
                        Kit.card(
                                Kit.heading("Add a feature", "by meaning, token or number"),
                                new FeaturePicker(workbench, this::addAndShow)),
                        new PresetCard(workbench, model, this::addAndShow),
                        hint),
                right));
        hint();
    }

    private Fields.Area prompt() {
        Fields.Area prompt = new Fields.Area(state.getOrDefault("prompt", ""));
        prompt.setId("prompt");
        prompt.setRows(2);
        prompt.getElement().setAttribute("aria-label", "Prompt");
        prompt.getElement().setAttribute("data-enter", "#write");
        prompt.addValueChangeListener(e -> changed("prompt", e.getValue()));
        return prompt;
    }

    private void way(String chosen) {
        running.stop();
        state.put("chat", chosen);
        remember();
        outcome.removeAll();
        build();
        if (chat != null) {
            start();
        }
    }

    private void model(String name) {
        changed("model", name);
        way(state.getOrDefault("chat", "")); // it may have a chat template or none, and other SAEs
    }

    private Input number(String key, String min, String max, String step) {
        Input i = Fields.number(state.getOrDefault(key, ""), min, max, step);
        i.setId(key);
        i.addValueChangeListener(e -> changed(key, e.getValue()));
        return i;
    }

    private void changed(String key, String value) {
        state.put(key, value);
        remember();
    }

    private void add(Edit edit) {
        EditCard card = new EditCard(workbench, edit, this::edited, this::removed);
        cards.add(card);
        edits.add(card);
    }

    private void addAndShow(Edit edit) {
        add(edit);
        edited();
    }

    private void removed(EditCard card) {
        cards.remove(card);
        edits.remove(card);
        edited();
    }

    private void edited() {
        hint();
        remember();
        start();
    }

    private Variant variant(String name) {
        List<Edit> all = cards.stream().map(EditCard::edit).toList();
        return new Variant(name.isEmpty() ? null : name, all, null);
    }

    private void remember() {
        Map<String, List<String>> all = new LinkedHashMap<>();
        state.forEach((k, v) -> {
            if (!k.equals("chat") || !v.isEmpty()) {
                all.put(k, List.of(v));
            }
        });
        if (chats() && !said.isEmpty()) {
            all.put("say", List.copyOf(said));
        }
        if (!cards.isEmpty()) {
            all.put("edit", cards.stream().map(c -> EditCard.text(c.edit())).toList());
        }
        UI.getCurrent()
                .getPage()
                .getHistory()
                .replaceState(null, new com.vaadin.flow.router.Location("steer", new QueryParameters(all)));
    }

    /** Says what to do while there is no edit, and how to do the same in code. */
    private void hint() {
        hint.removeAll();
        hint.setVisible(cards.isEmpty());
        code.setVisible(!cards.isEmpty());
        dose.setVisible(!cards.isEmpty());
        if (cards.isEmpty()) {
            hint.add(
                    Kit.text(
                            "dim",
                            "Add a feature, or press s on a feature's page. Strength counts in multiples of the feature's largest activation."));
            return;
        }
        try {
            code.show(request(), chats() ? said : List.of());
        } catch (NumberFormatException e) {
            code.setVisible(false);
        }
    }

    /** The language that the edits are meant to bring about. */
    private @Nullable String target() {
        return cards.stream()
                .map(EditCard::language)
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    /** The address holds everything: prompt, settings, edits. */
    private void share() {
        remember();
        UI.getCurrent()
                .getPage()
                .executeJs("navigator.clipboard && navigator.clipboard.writeText(window.location.href)");
        outcome.removeAll();
        outcome.add(Kit.text("dim", "The address of this page holds everything and was copied."));
    }

    private void start() {
        running.stop();
        if (chat != null) {
            remember();
            chat.replay();
            return;
        }
        if (chats()) {
            return; // the model does not converse
        }
        UiProgress mine = new UiProgress();
        running = mine;
        outcome.removeAll();
        remember();
        hint();
        SteerRequest request;
        try {
            request = request();
        } catch (NumberFormatException e) {
            outcome.add(Kit.failure("Temperature, tokens and seed are numbers."));
            return;
        }
        UI ui = UI.getCurrent();
        texts.begin(request.prompt());
        stop.setVisible(true);
        write.setEnabled(false);
        Background.run(
                this,
                () -> workbench
                        .steer()
                        .run(
                                request,
                                (steered, text) -> {
                                    if (!mine.cancelled()) {
                                        Background.access(ui, () -> {
                                            if (!mine.cancelled()) {
                                                texts.append(steered, text);
                                            }
                                        });
                                    }
                                },
                                mine),
                result -> done(mine, result),
                sentence -> failed(mine, sentence));
    }

    private SteerRequest request() {
        return new SteerRequest(
                state.get("model"),
                state.getOrDefault("prompt", ""),
                variant(""),
                Integer.parseInt(state.getOrDefault("tokens", "")),
                Double.valueOf(state.getOrDefault("temperature", "")),
                0,
                null,
                Long.parseLong(state.getOrDefault("seed", "")),
                List.of());
    }

    private void stop() {
        running.stop();
        idle();
    }

    private void idle() {
        stop.setVisible(false);
        write.setEnabled(true);
    }

    private void done(UiProgress mine, SteerResult result) {
        if (running == mine && !mine.cancelled()) {
            idle();
            texts.show(result);
            explain(mine, result);
        }
    }

    /** The SAE of the first edit of a feature: its features are shown at each token. */
    private @Nullable String sae() {
        return cards.stream()
                .map(c -> c.edit().feature())
                .filter(Objects::nonNull)
                .map(f -> f.substring(0, f.lastIndexOf(':')))
                .findFirst()
                .orElse(null);
    }

    /** Which features were active at each token, once the texts stand. */
    private void explain(UiProgress mine, SteerResult result) {
        String sae = sae();
        if (sae == null) {
            return;
        }
        Background.run(
                this,
                () -> List.of(
                        workbench.steer().active(result, false, sae),
                        workbench.steer().active(result, true, sae)),
                both -> {
                    if (running == mine && !mine.cancelled()) {
                        texts.features(sae, both.get(0), both.get(1));
                    }
                },
                sentence -> {
                    if (running == mine) {
                        outcome.add(Kit.failure(sentence));
                    }
                });
    }

    private void failed(UiProgress mine, String sentence) {
        if (running == mine && !mine.cancelled()) {
            idle();
            texts.clear();
            outcome.add(Kit.failure(sentence));
        }
    }
}
