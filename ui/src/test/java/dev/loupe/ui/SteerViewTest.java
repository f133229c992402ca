package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SteerViewTest extends ViewTest {
    @Test
    void an_edit_in_the_address_is_a_card_and_runs() {
        SteerView view = open(
                "steer",
                QueryParameters.simple(Map.of(
                        "edit", "neuron:3:5:set:400", "temperature", "0", "tokens", "12", "prompt", "The Commission")),
                SteerView.class);

        await("both texts", () -> text(view).contains("nats a token"));

        assertThat(text(view)).contains("neuron 3:5", "set to 400.00", "--edit neuron:3:5:set:400");
        assertThat(drawn(view, "loupe-tokens")).contains("The", "titles");
        assertThat(text(view)).doesNotContain("KL 0.000");
    }

    @Test
    void an_edit_that_cannot_be_read_is_one_sentence() {
        SteerView view = open("steer", QueryParameters.of("edit", "nonsense"), SteerView.class);

        assertThat(text(view)).contains("The edit \"nonsense\" is not of the form");
    }

    @Test
    void an_unknown_sae_is_one_sentence() {
        SteerView view = open("steer", QueryParameters.of("edit", "nothing:3:add:1"), SteerView.class);

        await("the sentence", () -> text(view).contains("There is no SAE \"nothing\""));
    }
}
