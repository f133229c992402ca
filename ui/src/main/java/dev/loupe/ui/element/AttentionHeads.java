package dev.loupe.ui.element;

import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.shared.Registration;
import java.util.List;

/** Where the heads of a layer look: a picture for each, and the text coloured by what one token looks at. */
@Tag("loupe-attention")
@JsModule("context://js/attention.js")
public final class AttentionHeads extends DrawnElement {
    /**
     * What is drawn.
     *
     * @param tokens of the text
     * @param pattern {@code [head][query][key]}, keys up to the query
     * @param layer the block
     * @param head the chosen one
     * @param query position of the chosen token
     */
    public record Data(List<String> tokens, float[][][] pattern, int layer, int head, int query) {}

    /** Gets what was chosen. */
    @FunctionalInterface
    public interface Choice {
        /** A head, and the position of a token. */
        void chosen(int head, int query);
    }

    /** Draws a layer. */
    public void set(Data data) {
        show(data);
    }

    /** Calls a listener when another head or token is chosen. */
    public Registration onLook(Choice listener) {
        return getElement()
                .addEventListener(
                        "look",
                        e -> listener.chosen(
                                e.getEventData().path("event.detail.head").asInt(0),
                                e.getEventData().path("event.detail.query").asInt(0)))
                .addEventData("event.detail.head")
                .addEventData("event.detail.query");
    }
}
