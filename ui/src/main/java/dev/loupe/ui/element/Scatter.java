package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.ComponentEventListener;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import com.vaadin.flow.shared.Registration;
import dev.loupe.base.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Points, in the colours of their groups, or those with both values at or above a threshold in the accent colour. */
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
     * @param openable whether points can be opened though they have no addresses here
     * @param logX whether the horizontal axis is logarithmic; points at or below 0 are left out
     * @param logY the same for the vertical axis
     * @param bare whether there are no axes, and one scale for both directions: a map
     * @param groups each point's group, or null
     * @param groupNames names of the groups, or null; the first takes the quietest colour
     * @param line points that a line joins, or null
     * @param height in CSS pixels, or null for one that suits the width
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
            String label,
            boolean openable,
            boolean logX,
            boolean logY,
            boolean bare,
            int @Nullable [] groups,
            @Nullable List<String> groupNames,
            int @Nullable [] line,
            @Nullable Integer height) {

        /** Points without groups on linear axes. */
        public Data(
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
                String label) {
            this(
                    x, y, names, hrefs, xName, yName, from, to, threshold, diagonal, label, false, false, false, false,
                    null, null, null, null);
        }

        /** Points in groups that can be opened, on axes of their own. */
        public static Data grouped(
                float[] x,
                float[] y,
                List<String> names,
                String xName,
                String yName,
                int[] groups,
                List<String> groupNames,
                String label) {
            return new Data(
                    x,
                    y,
                    names,
                    null,
                    xName,
                    yName,
                    null,
                    null,
                    null,
                    false,
                    label,
                    true,
                    false,
                    false,
                    false,
                    groups,
                    groupNames,
                    null,
                    null);
        }

        /** The same with a logarithmic horizontal axis. */
        public Data withLogX() {
            return drawn(true, bare, line, height);
        }

        /** The same as a map, without axes. */
        public Data map(int newHeight) {
            return drawn(logX, true, line, newHeight);
        }

        /** The same with some points joined by a line, so many pixels high. */
        public Data joined(int[] newLine, int newHeight) {
            return drawn(logX, bare, newLine, newHeight);
        }

        private Data drawn(boolean newLogX, boolean newBare, int @Nullable [] newLine, @Nullable Integer newHeight) {
            return new Data(
                    x,
                    y,
                    names,
                    hrefs,
                    xName,
                    yName,
                    from,
                    to,
                    threshold,
                    diagonal,
                    label,
                    openable,
                    newLogX,
                    logY,
                    newBare,
                    groups,
                    groupNames,
                    newLine,
                    newHeight);
        }
    }

    /**
     * A cell of a heat map.
     *
     * @param site its map
     * @param layer its row
     * @param column its column
     * @param kind what columns are
     */
    public record Cell(String site, int layer, int column, String kind) {}

    /** Names the cell that each point is, so that point and cell mark each other. */
    public void cells(List<Cell> cells) {
        getElement().setPropertyJson("cells", Json.MAPPER.valueToTree(cells));
    }

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
