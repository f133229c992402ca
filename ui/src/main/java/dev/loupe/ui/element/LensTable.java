package dev.loupe.ui.element;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.vaadin.flow.component.Tag;
import com.vaadin.flow.component.dependency.JsModule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What each layer would predict at each position; arrow keys walk the cells. */
@Tag("loupe-lens")
@JsModule("context://js/lens.js")
public final class LensTable extends DrawnElement {
    /**
     * One layer at one position.
     *
     * @param top text and probability of the best tokens, best first
     * @param rank of the chosen token, 1 for the best; 0 where there is none
     * @param p probability of the chosen token
     * @param entropy in nats
     */
    public record Cell(List<List<Object>> top, int rank, float p, float entropy) {}

    /**
     * What is drawn.
     *
     * @param tokens of the text
     * @param layers names, first layer first
     * @param cells by layer and position
     * @param show {@code top}, {@code rank} or {@code entropy}
     * @param chosen the token whose rank is shown; null for the text's own next one
     * @param vocabulary number of tokens that the model knows
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Data(
            List<String> tokens,
            List<String> layers,
            List<List<Cell>> cells,
            String show,
            @Nullable String chosen,
            int vocabulary) {}

    /** Draws a grid. */
    public void set(Data data) {
        show(data);
    }

    /** Shows something else of each cell; the numbers stay in the browser. */
    public void shows(String what) {
        getElement().callJsFunction("show", what);
    }
}
