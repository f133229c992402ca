package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.ComponentEventListener;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.shared.Registration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Points; those with both values at or above a threshold take the accent colour. */
@Tag("loupe-scatter")
@JsModule("context://js/scatter.js")
public final class Scatter extends DrawnElement {
    /**
     * What is drawn.
     *
     * @param x horizontal values
     * @param y vertical values, as many
     * @param names what each point is, for the words
     * @param hrefs where each point leads, or null
     * @param xName name of the horizontal axis
     * @param yName name of the vertical axis
     * @param from lower end of both axes, or null for the smallest value
     * @param to upper end of both axes, or null for the largest value
     * @param threshold both values at least this: accent; null for all
     * @param diagonal whether both axes have one scale and the line x = y is drawn
     * @param label text alternative
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Data(
            float[] x,
            float[] y,
            List<String> names,
            @Nullable List<String> hrefs,
            String xName,
            String yName,
            @Nullable Double from,
            @Nullable Double to,
            @Nullable Double threshold,
            boolean diagonal,
            String label) {}

    /** Draws points. */
    public void set(Data data) {
        show(data);
    }

    /** Moves the threshold; the points stay in the browser. */
    public void threshold(double value) {
        getElement().callJsFunction("threshold", value);
    }

    /** Someone chose a point. */
    @com.vaadin.flow.component.DomEvent("open")
    public static final class Opened extends com.vaadin.flow.component.ComponentEvent<Scatter> {
        private final int index;

        /** Made by the framework. */
        public Opened(
                Scatter source,
                boolean fromClient,
                @com.vaadin.flow.component.EventData("event.detail.index") int index) {
            super(source, fromClient);
            this.index = index;
        }

        /** The point's number in the lists given. */
        public int index() {
            return index;
        }
    }

    /** Someone points at a point, or walked to it with the arrow keys. */
    @com.vaadin.flow.component.DomEvent("hover")
    public static final class Hovered extends com.vaadin.flow.component.ComponentEvent<Scatter> {
        private final int index;

        /** Made by the framework. */
        public Hovered(
                Scatter source,
                boolean fromClient,
                @com.vaadin.flow.component.EventData("event.detail.index") int index) {
            super(source, fromClient);
            this.index = index;
        }

        /** The point's number in the lists given. */
        public int index() {
            return index;
        }
    }

    /** Calls a listener when a point is pointed at. */
    public Registration onHover(ComponentEventListener<Hovered> listener) {
        return addListener(Hovered.class, listener);
    }

    /** Calls a listener when a point is chosen by click or Enter. */
    public Registration onOpen(ComponentEventListener<Opened> listener) {
        return addListener(Opened.class, listener);
    }
}
