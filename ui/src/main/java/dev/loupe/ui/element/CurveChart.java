package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Lines over one axis; points can be added while a job runs. */
@Tag("loupe-curve")
@JsModule("context://js/curve.js")
public final class CurveChart extends DrawnElement {
    /**
     * One line.
     *
     * @param name its name
     * @param x ascending
     * @param y as many
     */
    public record Series(String name, double[] x, double[] y) {}

    /**
     * What is drawn.
     *
     * @param series the lines
     * @param xName name of the horizontal axis, for the words
     * @param yName name of the vertical axis, for the words
     * @param from left end; null for the smallest x
     * @param to right end; null for the largest x
     * @param low lower end; null for the smallest y
     * @param high upper end; null for the largest y
     * @param logX whether the horizontal axis is logarithmic; its labels are then the x of the lines
     * @param logY whether the vertical axis is logarithmic
     * @param height in CSS pixels
     * @param mark x of a marked point of the first line, or null
     * @param markText what stands at the mark, or null
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Data(
            List<Series> series,
            String xName,
            String yName,
            @Nullable Double from,
            @Nullable Double to,
            @Nullable Double low,
            @Nullable Double high,
            boolean logX,
            boolean logY,
            int height,
            @Nullable Double mark,
            @Nullable String markText) {}

    /** Draws lines. */
    public void set(Data data) {
        show(data);
    }

    /** Moves the mark; the lines stay in the browser. */
    public void mark(double x, String text) {
        getElement().callJsFunction("mark", x, text);
    }

    /** Adds a point to a line; only the point travels to the browser. */
    public void append(String series, double x, double y) {
        getElement().callJsFunction("append", series, x, y);
    }
}
