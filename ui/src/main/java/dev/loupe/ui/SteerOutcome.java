package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Section;
import com.vaadin.flow.component.html.Span;
import dev.loupe.base.Fmt;
import dev.loupe.service.ActiveFeature;
import dev.loupe.steer.SteerResult;
import dev.loupe.steer.SteerResult.StreamToken;
import dev.loupe.ui.element.TokenText;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Default and steered text side by side, as they are written and then with figures per token. */
final class SteerOutcome extends Div {

    private final TokenText plain = new TokenText();
    private final TokenText steered = new TokenText();
    private final Span figure = Kit.text("why", "");
    private final Span speed = Kit.text("faint end", "");
    private final Div words = Kit.div("faint gap");
    private final Section picked = Kit.card();
    private List<StreamToken> plainTokens = List.of();
    private List<StreamToken> steeredTokens = List.of();
    private int promptLength;
    private float max;
    private List<String> promptTokens = List.of();
    private String sae = "";
    private List<List<ActiveFeature>> plainFeatures = List.of();
    private List<List<ActiveFeature>> steeredFeatures = List.of();

    SteerOutcome() {
        addClassName("stack");
        plain.setId("default-text");
        steered.setId("steered-text");
        H2 steeredTitle = new H2("Steered");
        steeredTitle.add(figure);
        Section right = Kit.card(steeredTitle, steered, words);
        right.addClassName("on");
        add(Kit.div("two", Kit.card(Kit.heading("As it is", ""), plain), right), picked);
        picked.setVisible(false);
        plain.onPick(i -> pick(plainTokens, plainFeatures, i, "as it is", "steered"));
        steered.onPick(i -> pick(steeredTokens, steeredFeatures, i, "steered", "as it is"));
        clear();
    }

    Component speed() {
        return speed;
    }

    void clear() {
        plainTokens = List.of();
        steeredTokens = List.of();
        plainFeatures = List.of();
        steeredFeatures = List.of();
        empty(plain, "The text without edits appears here.");
        empty(steered, "The text with the edits appears here.");
        figure.setText("");
        speed.setText("");
        words.setText("");
        picked.setVisible(false);
    }

    private static void empty(TokenText text, String what) {
        text.set(new TokenText.Data(List.of(), new float[0], 0, 0, null, null, what));
    }

    void begin(String prompt) {
        clear();
        for (TokenText t : List.of(plain, steered)) {
            t.set(new TokenText.Data(List.of(prompt), new float[0], 0, 1, null, null, null));
        }
    }

    void append(boolean isSteered, String text) {
        (isSteered ? steered : plain).append(text, 0, null);
    }

    void show(SteerResult r) {
        plainTokens = r.defaultTokens();
        steeredTokens = r.steeredTokens();
        promptLength = r.promptTokens().size();
        promptTokens = r.promptTokens();
        max = (float) Stream.concat(plainTokens.stream(), steeredTokens.stream())
                .mapToDouble(StreamToken::kl)
                .max()
                .orElse(0);
        fill(plain, promptTokens, plainTokens, max, plainFeatures);
        fill(steered, promptTokens, steeredTokens, max, steeredFeatures);
        figure.setText("KL " + Num.fixed(r.kl(), 3) + " nats a token");
        figure.setTitle("mean KL(default ‖ steered) of the next-token distributions along the default text");
        speed.setText(Fmt.count(r.tokensPerSecond()) + " tokens/s");
        words.setText(r.edits().isEmpty() ? "No edits: both texts are the same." : String.join(" · ", r.edits()));
    }

    private static void fill(
            TokenText element,
            List<String> prompt,
            List<StreamToken> written,
            float max,
            List<List<ActiveFeature>> features) {
        List<String> tokens = new ArrayList<>(prompt);
        float[] values = new float[prompt.size() + written.size()];
        List<String> titles = new ArrayList<>();
        prompt.forEach(t -> titles.add("prompt"));
        for (StreamToken t : written) {
            values[tokens.size()] = (float) t.kl();
            tokens.add(t.token());
            titles.add(WrittenTokens.title(t, at(features, titles.size())));
        }
        element.set(new TokenText.Data(tokens, values, max, prompt.size(), null, titles, null));
    }

    private static @Nullable List<ActiveFeature> at(List<List<ActiveFeature>> features, int token) {
        return token < features.size() ? features.get(token) : null;
    }

    /** Adds which features were active at each token, prompt included. */
    void features(String name, List<List<ActiveFeature>> ofPlain, List<List<ActiveFeature>> ofSteered) {
        sae = name;
        plainFeatures = ofPlain;
        steeredFeatures = ofSteered;
        fill(plain, promptTokens, plainTokens, max, plainFeatures);
        fill(steered, promptTokens, steeredTokens, max, steeredFeatures);
    }

    private void pick(List<StreamToken> tokens, List<List<ActiveFeature>> features, int at, String mine, String other) {
        int i = at - promptLength;
        picked.setVisible(i >= 0 && i < tokens.size());
        if (!picked.isVisible()) {
            return;
        }
        WrittenTokens.show(picked, tokens.get(i), at(features, at), sae, mine, other);
    }
}
