package dev.loupe.ui.element;

import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Signed values by row and column: vermillion above zero, blue below; arrow keys walk the cells, linked with other drawings. */
@Tag("loupe-heat")
@JsModule("context://js/heat.js")
public final class HeatMap extends DrawnElement {
    /**
     * What is drawn.
     *
     * @param site what the map is of; cells of one place are marked together on all maps
     * @param rows name of each row, top first
     * @param layers layer of each row
     * @param heads head of each row; null where rows are whole layers
     * @param columns token (or name) of each column
     * @param kind what columns are: {@code position} or {@code head}
     * @param values rows × columns
     * @param max size of value that takes the full colour, shared by maps that are to be compared
     * @param unit of the values, for the words
     * @param label text alternative
     * @param small whether it is one of several, without numbers in its cells
     */
    public record Data(
            String site,
            List<String> rows,
            int[] layers,
            int @Nullable [] heads,
            List<String> columns,
            String kind,
            double[][] values,
            double max,
            String unit,
            String label,
            boolean small) {}

    /** Draws a map. */
    public void set(Data data) {
        show(data);
    }
}
