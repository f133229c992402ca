package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.vaadin.flow.component.Component;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A workspace with nothing in it: every page says what there is nothing of and what to run. */
class EmptyWorkspaceTest extends ViewTest {
    @Test
    void the_overview_names_the_embedded_model_and_the_demo() {
        OverviewView view = navigate(OverviewView.class);

        assertThat(text(view))
                .contains(
                        "builtin",
                        "LlamaForCausalLM",
                        "No SAEs yet",
                        "loupe demo",
                        "No activation stores yet",
                        "No jobs yet");
    }

    @Test
    void lists_say_what_to_run() {
        assertThat(text(navigate(FeaturesView.class))).contains("No SAEs yet", "loupe train --store");
        assertThat(text(navigate(StoresView.class))).contains("No activation stores yet", "loupe capture");
        assertThat(text(navigate(CompareListView.class))).contains("No comparison yet", "loupe compare");
        assertThat(text(navigate(SweepsView.class))).contains("No sweep yet", "loupe sweep");
        assertThat(text(navigate(JobsView.class))).contains("No jobs yet", "loupe demo");
        assertThat(text(navigate(SearchView.class))).contains("Nothing to search yet");
        assertThat(text(navigate(ListsView.class))).contains("No lists yet", "under Notes");
        assertThat(text(navigate(SteerView.class))).contains("No SAE has a feature index yet");
    }

    @Test
    void the_models_page_lists_every_kind_of_hook_with_its_width() {
        String text = text(navigate(ModelsView.class));

        workbench.models().hooks("builtin").forEach(h -> assertThat(text).contains(h.meaning()));
        assertThat(text).contains("blocks.0–5.hook_resid_post", "[batch, pos, 192]", "8,192");
    }

    @Test
    void an_unknown_sae_or_pair_is_one_sentence_not_a_stack_trace() {
        assertThat(failed("features/nothing")).contains("There is no SAE \"nothing\"; make one with loupe train.");
        assertThat(failed("features/nothing/3"))
                .contains("There is no SAE \"nothing\"")
                .doesNotContain("Exception");
        assertThat(failed("compare/one/two")).contains("There is no SAE \"one\"");
        assertThat(failed("features/.../3")).doesNotContain("Exception").contains("overview");
    }

    @Test
    void an_address_that_leads_nowhere_says_so() {
        assertThat(text(navigate("no/such/page", MissingView.class)))
                .contains("There is no page here", "/no/such/page");
    }

    @Test
    void the_frame_marks_where_one_is_and_shows_only_pages_that_exist() {
        ModelsView view = navigate(ModelsView.class);
        MainLayout frame =
                (MainLayout) view.getParent().orElseThrow().getParent().orElseThrow();

        Map<String, Boolean> current = new java.util.TreeMap<>();
        $(com.vaadin.flow.component.html.Anchor.class).all().stream()
                .filter(a -> a.getHref().matches("/[a-z]+")
                        && a.getParent()
                                .map(p -> p instanceof com.vaadin.flow.component.html.Nav)
                                .orElse(false))
                .forEach(a -> current.put(a.getHref(), a.getElement().hasAttribute("aria-current")));
        assertThat(current)
                .containsOnlyKeys(
                        "/features",
                        "/inspect",
                        "/compare",
                        "/sweeps",
                        "/patch",
                        "/circuits",
                        "/steer",
                        "/diagnostics",
                        "/stores",
                        "/models",
                        "/jobs")
                .containsEntry("/models", true);
        assertThat(current.values().stream().filter(on -> on).count()).isEqualTo(1);
        assertThat(text(frame)).contains("next and previous feature");
    }

    private String failed(String path) {
        Component view = navigate(path, FailedView.class);
        return text(view);
    }
}
