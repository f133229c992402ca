package dev.loupe.ui.element;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.server.streams.DownloadHandler;
import dev.loupe.base.Json;
import tools.jackson.databind.node.ObjectNode;

/**
 * A custom element that draws what it is given: one JSON property, {@code data}, in; events out. The browser side is a
 * plain ES module under {@code /js}; it makes text only through text nodes.
 */
abstract class DrawnElement extends Component {
    /** Where the drawn numbers are as an Arrow file. */
    public final void file(DownloadHandler arrow) {
        getElement().setAttribute("arrow", arrow);
    }

    /** Hands the element a record to draw, in place of what it drew before. */
    final void show(Record data) {
        ObjectNode json = Json.MAPPER.valueToTree(data);
        getElement().setPropertyJson("data", json);
    }
}
