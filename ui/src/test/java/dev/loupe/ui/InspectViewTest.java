package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InspectViewTest extends ViewTest {
    @Test
    void while_the_model_reads_the_page_says_what_is_coming() {
        InspectView view = open(
                "inspect", QueryParameters.simple(Map.of("view", "attention", "text", "Hello.")), InspectView.class);
        // results come in only when this thread lets go of the page
        assertThat(text(view)).contains("Where the heads look", "What it finds will stand here");
        await("the heads", () -> has(view, "loupe-attention"));
        assertThat(text(view)).contains("Where the heads look").doesNotContain("will stand here");
    }

    @Test
    void without_a_text_it_asks_for_one() {
        InspectView view = open("inspect", QueryParameters.simple(Map.of("text", " ")), InspectView.class);
        assertThat(text(view)).contains("type some");
    }
}
