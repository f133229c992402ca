package dev.loupe.ui.element;

import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Token sequences one under the other, a column per position; positions that differ are marked. */
@Tag("loupe-pair")
@JsModule("context://js/tokens.js")
public final class TokenPair extends DrawnElement {
    /**
     * One sequence.
     *
     * @param name its name, in front
     * @param tokens text of each token; null is a gap
     * @param answer the token that should follow; empty for none
     * @param title tooltip of the answer
     */
    public record Row(String name, List<@Nullable String> tokens, String answer, String title) {}

    /** What is drawn. */
    public record Data(List<Row> rows) {}

    /** Draws the sequences. */
    public void set(Data data) {
        show(data);
    }
}
