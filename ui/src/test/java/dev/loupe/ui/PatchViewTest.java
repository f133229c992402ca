package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.router.QueryParameters;
import dev.loupe.base.Progress;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.task.PatchPair;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PatchViewTest extends ViewTest {
    @Test
    void the_page_opens_with_a_pair_that_works_and_shows_the_figures_of_the_service() {
        PatchResult expected = workbench
                .patch()
                .run(
                        PatchRequest.of(
                                "I would like to thank the rapporteur. I",
                                "We would like to thank the rapporteur. We",
                                " am",
                                " are"),
                        Progress.silent());

        PatchView view = navigate(PatchView.class);
        await("the heat map", () -> has(view, "loupe-heat"));

        assertThat(text(view))
                .contains(
                        "What makes it answer “am”?",
                        Num.signed(expected.cleanDifference(), 3),
                        Num.signed(expected.corruptDifference(), 3));
        assertThat(expected.cleanDifference()).isPositive();
        assertThat(expected.corruptDifference()).isNegative();
        double[][] grid = expected.grids().get("resid_pre");
        assertThat(drawn(view, "loupe-heat"))
                .contains("\"" + "L" + (grid.length - 1) + "\"")
                .contains(String.valueOf(grid[grid.length - 1][3]))
                .contains(String.valueOf(grid[0][5]));
        assertThat(drawn(view, "loupe-pair")).contains("\" I\"", "\" We\"", "\" am\"");
    }

    @Test
    void prompts_of_unequal_length_are_refused_in_one_sentence() {
        PatchView view = open(
                "patch",
                QueryParameters.simple(
                        Map.of("clean", "one", "corrupt", "one two three", "answer", " a", "wrong", " b")),
                PatchView.class);

        await("the sentence", () -> text(view).contains("token"));
        assertThat(has(view, "loupe-heat")).isFalse();
        assertThat(text(view)).doesNotContain("Exception");
    }

    @Test
    void the_library_offers_what_the_model_can_do_and_greys_out_what_it_fails() {
        var scores = workbench.patch().tasks(null, Progress.silent()); // the page then finds them measured
        PatchView view = navigate(PatchView.class);
        await("the tasks", () -> text(view).contains("I and we"));
        assertThat(text(view)).contains("Indirect object", "Verb agreement", "Closing mark");
        dev.loupe.patch.task.TaskScore fails =
                scores.stream().filter(t -> t.name().equals("ioi")).findFirst().orElseThrow();
        assertThat(fails.usable()).isFalse();
        var buttons = $(com.vaadin.flow.component.html.NativeButton.class).all();
        assertThat(buttons.stream().filter(b -> b.getText().startsWith("Indirect object")))
                .allSatisfy(b -> assertThat(b.isEnabled()).isFalse());
        assertThat(buttons.stream().filter(b -> b.getText().startsWith("I and we")))
                .allSatisfy(b -> assertThat(b.isEnabled()).isTrue());
    }

    @Test
    void a_task_in_the_address_runs_on_its_pairs() {
        PatchView view =
                open("patch", QueryParameters.simple(Map.of("task", "person", "sites", "resid_pre")), PatchView.class);
        await("the heat map", () -> has(view, "loupe-heat"));
        assertThat(text(view)).contains("16 pairs");
    }

    @Test
    void a_field_with_bars_names_a_set_of_tokens() {
        PatchView view = open(
                "patch",
                QueryParameters.simple(Map.of(
                        "clean", "I would like to thank the rapporteur. I",
                        "corrupt", "We would like to thank the rapporteur. We",
                        "answer", " am| was",
                        "wrong", " are| were",
                        "sites", "z_pos")),
                PatchView.class);
        await("the heat map", () -> has(view, "loupe-heat"));
        PatchResult expected = workbench
                .patch()
                .run(
                        PatchRequest.of("", "", "", "")
                                .withPairs(List.of(new PatchPair(
                                        "I would like to thank the rapporteur. I",
                                        "We would like to thank the rapporteur. We",
                                        List.of(" am", " was"),
                                        List.of(" are", " were"))))
                                .withSites("z_pos"),
                        Progress.silent());
        assertThat(text(view)).contains(Num.signed(expected.cleanDifference(), 3));
        assertThat(drawn(view, "loupe-heat")).contains("\"L5 H5\"");
    }
}
