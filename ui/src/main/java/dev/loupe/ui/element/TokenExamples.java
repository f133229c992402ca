package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A list of texts on one colour scale: strongest value, tokens, source. One element however many tokens. */
@Tag("loupe-examples")
@JsModule("context://js/tokens.js")
public final class TokenExamples extends DrawnElement {
    /**
     * One text.
     *
     * @param lead the number in front
     * @param tokens text of each token
     * @param values one value per token
     * @param peak number of the strongest token
     * @param source where it is from, shown small at the end
     * @param title more about the source, as a tooltip
     * @param lang language code of the text, for the browser; null if unknown
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Row(
            String lead,
            List<String> tokens,
            float[] values,
            int peak,
            String source,
            @Nullable String title,
            @Nullable String lang) {}

    /**
     * What is drawn.
     *
     * @param max the value that takes the full colour in every row
     * @param rows the texts
     * @param empty what to say when there are none
     * @param around tokens shown on either side of the peak, null for all that a row has
     * @param breaks whether line ends are obeyed after they are shown
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Data(
            float max,
            List<Row> rows,
            String empty,
            @Nullable Integer around,
            boolean breaks) {}

    /** Shows more or less of each text; the texts stay in the browser. */
    public void view(@Nullable Integer around, boolean breaks) {
        getElement().callJsFunction("view", around, breaks);
    }

    /** Draws a list. */
    public void set(Data data) {
        show(data);
    }
}
