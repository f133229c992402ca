package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Input;
import dev.loupe.patch.PatchResult;
import dev.loupe.service.PairTokens;
import dev.loupe.service.Workbench;
import dev.loupe.ui.element.TokenPair;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A pair while it is written: four fields and, below them, how the model cuts them into tokens that face each other. */
final class PatchEditor extends Div {
    private static final int PAUSE_MILLIS = 250;

    private final Workbench workbench;
    private final PatchState state;
    private final Div form = new Div();
    private final Div tokens = Kit.div("gap");
    private final Div problems = Kit.div("");
    private int asked;

    PatchEditor(Workbench workbench, PatchState state) {
        this.workbench = workbench;
        this.state = state;
        form.getElement().setAttribute("data-enter", "#run");
        problems.setId("pair-problems");
        problems.getElement().setAttribute("aria-live", "polite");
        add(form, tokens, problems);
    }

    /** Fills the fields from the state. */
    void fill() {
        form.removeAll();
        form.add(Kit.div(
                "pairform",
                prompt("clean", "Clean prompt"),
                line("answer", "Answer (or a|b)"),
                prompt("corrupt", "Corrupted prompt"),
                line("wrong", "Wrong answer (or a|b)")));
    }

    /** Whether one pair is edited here, not a task or a file. */
    void editing(boolean one) {
        form.setVisible(one);
    }

    private Div prompt(String key, String label) {
        Fields.Area area = new Fields.Area(state.get(key));
        area.setId(key);
        area.getElement()
                .addPropertyChangeListener("value", "input", e -> typed(key, String.valueOf(e.getValue())))
                .debounce(PAUSE_MILLIS);
        area.addValueChangeListener(e -> typed(key, e.getValue()));
        return Kit.field(label, area);
    }

    private Div line(String key, String label) {
        Input input = Fields.line(state.get(key));
        input.addClassName("mono");
        input.getElement()
                .addPropertyChangeListener("value", "input", e -> typed(key, String.valueOf(e.getValue())))
                .debounce(PAUSE_MILLIS);
        input.addValueChangeListener(e -> typed(key, e.getValue()));
        input.setId(key);
        return Kit.field(label, input);
    }

    private void typed(String key, String value) {
        if (!value.equals(state.get(key))) {
            state.set(key, value);
            align(() -> {});
        }
    }

    /**
     * Cuts what is written and shows both prompts' tokens in columns.
     *
     * @param otherwise called if the pair has no problem that can be seen from its tokens
     */
    private void align(Runnable otherwise) {
        int mine = ++asked;
        Background.run(
                this,
                () -> workbench
                        .patch()
                        .tokens(
                                state.get("model"),
                                state.get("clean"),
                                state.get("corrupt"),
                                state.get("answer"),
                                state.get("wrong")),
                t -> {
                    if (mine == asked) {
                        show(t);
                        if (t.problems().isEmpty()) {
                            otherwise.run();
                        }
                    }
                },
                sentence -> {
                    if (mine == asked) {
                        say(List.of(sentence));
                    }
                });
    }

    private void show(PairTokens t) {
        draw(t.clean(), t.corrupt(), state.get("answer"), state.get("wrong"));
        say(t.problems());
    }

    /** Shows what was patched. */
    void show(PatchResult r) {
        asked++;
        draw(
                new ArrayList<>(r.cleanTokens()),
                new ArrayList<>(r.corruptTokens()),
                PatchState.said(r.request().answer(), r.request().answers()),
                PatchState.said(r.request().wrong(), r.request().wrongs()));
        say(List.of());
    }

    /**
     * Shows nothing more of what was patched; a pair that cannot be patched still shows how it is cut, and what is wrong.
     *
     * @param otherwise called if nothing is wrong with the pair's tokens: the failure has another reason
     */
    void failed(boolean one, Runnable otherwise) {
        if (one) {
            align(otherwise);
        } else {
            tokens.removeAll();
            say(List.of());
            otherwise.run();
        }
    }

    private void draw(List<@Nullable String> clean, List<@Nullable String> corrupt, String answer, String wrong) {
        TokenPair pair = new TokenPair();
        pair.set(new TokenPair.Data(List.of(
                new TokenPair.Row("clean", clean, answer, "the answer"),
                new TokenPair.Row("corrupt", corrupt, wrong, "the wrong answer"))));
        tokens.removeAll();
        tokens.add(pair);
    }

    private void say(List<String> sentences) {
        problems.removeAll();
        sentences.forEach(s -> problems.add(Kit.div("notice gap", new Component[] {Kit.text(s)})));
    }
}
