package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.shared.Registration;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** One text as flowing tokens; the colour behind a token is its value, the strongest token is underlined. */
@Tag("loupe-tokens")
@JsModule("context://js/tokens.js")
public final class TokenText extends DrawnElement {
    /**
     * What is drawn.
     *
     * @param tokens text of each token
     * @param values one value per token; may be empty for no colours
     * @param max the value that takes the full colour, the same for all texts of a list
     * @param dim how many tokens at the start are shown faintly (a prompt before its continuation)
     * @param unit of the values, for the tooltip; null for none
     * @param titles tooltip of each token; null for the value
     * @param empty what to say when there are no tokens
     * @param signed whether values have signs: vermillion above zero, blue below
     * @param chosen numbers of tokens that are framed; null for none
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Data(
            List<String> tokens,
            float[] values,
            float max,
            int dim,
            @Nullable String unit,
            @Nullable List<String> titles,
            @Nullable String empty,
            boolean signed,
            @Nullable List<Integer> chosen) {
        /** None is framed. */
        public Data(
                List<String> tokens,
                float[] values,
                float max,
                int dim,
                @Nullable String unit,
                @Nullable List<String> titles,
                @Nullable String empty,
                boolean signed) {
            this(tokens, values, max, dim, unit, titles, empty, signed, null);
        }

        /** Values without signs. */
        public Data(
                List<String> tokens,
                float[] values,
                float max,
                int dim,
                @Nullable String unit,
                @Nullable List<String> titles,
                @Nullable String empty) {
            this(tokens, values, max, dim, unit, titles, empty, false);
        }
    }

    /** Draws a text. */
    public void set(Data data) {
        show(data);
    }

    /** Calls a listener with a token's number when a token is chosen by click or with the arrow keys. */
    public Registration onPick(IntConsumer listener) {
        return getElement()
                .addEventListener(
                        "pick",
                        e -> listener.accept(
                                e.getEventData().path("event.detail.index").asInt(-1)))
                .addEventData("event.detail.index");
    }

    /** Adds one token at the end; only the token travels to the browser. */
    public void append(String token, double value, @Nullable String title) {
        getElement().callJsFunction("append", token, value, title);
    }
}
