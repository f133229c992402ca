package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.dom.Element;
import com.vaadin.flow.router.QueryParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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

    /** The embedded weights with a chat template beside them. */
    private String chatty() throws IOException {
        Path model = Files.createDirectories(folder.resolve("chatty"));
        try (Stream<Path> all = Files.list(workbench.models().folder("builtin"))) {
            for (Path p : all.toList()) {
                Files.copy(p, model.resolve(p.getFileName()));
            }
        }
        Files.writeString(
                model.resolve("chat_template.jinja"),
                "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{{ 'assistant:' }}");
        return model.toString();
    }

    @Test
    void a_conversation_in_the_address_is_held_with_both_models() throws IOException {
        SteerView view = open(
                "steer",
                new QueryParameters(Map.of(
                        "chat", List.of("1"),
                        "model", List.of(chatty()),
                        "edit", List.of("neuron:3:5:set:400"),
                        "say", List.of("Who speaks?", "And then?"),
                        "temperature", List.of("0"),
                        "tokens", List.of("6"))),
                SteerView.class);

        await(
                "four answers",
                () -> answers(view).stream().filter(a -> a.contains("KL ")).count() == 4);

        assertThat(text(view)).contains("Who speaks?", "And then?", "messages.append", "Send");
        List<String> answers = answers(view);
        assertThat(answers.get(0)).isNotEqualTo(answers.get(1)); // as it is and steered
    }

    private static List<String> answers(SteerView view) {
        return all(view.getElement(), "loupe-tokens")
                .map(e -> String.valueOf(e.getPropertyRaw("data")))
                .toList();
    }

    private static Stream<Element> all(Element from, String tag) {
        if (from.isTextNode()) {
            return Stream.empty();
        }
        return Stream.concat(
                from.getTag().equals(tag) ? Stream.of(from) : Stream.empty(),
                from.getChildren().flatMap(c -> all(c, tag)));
    }

    @Test
    void a_model_without_a_chat_template_says_what_to_do() {
        SteerView view = open("steer", QueryParameters.of("chat", "1"), SteerView.class);

        assertThat(text(view))
                .contains("builtin has no chat template", "loupe model pull")
                .doesNotContain("Send");
    }
}
