package dev.loupe.ui.element;

import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;

/** Signed values by row and column: vermillion above zero, blue below; arrow keys walk the cells. */
@Tag("loupe-heat")
@JsModule("context://js/heat.js")
public final class HeatMap extends DrawnElement {
    /**
     * What is drawn.
     *
     * @param rows name of each row, top first
     * @param columns token (or name) of each column
     * @param values rows × columns
     * @param max size of value that takes the full colour, shared by maps that are to be compared
     * @param unit of the values, for the words
     * @param label text alternative
     */
    public record Data(
            List<String> rows, List<String> columns, double[][] values, double max, String unit, String label) {}

    /** Draws a map. */
    public void set(Data data) {
        show(data);
    }
}
