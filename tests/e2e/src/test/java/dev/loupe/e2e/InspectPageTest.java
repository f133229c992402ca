package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import dev.loupe.base.Progress;
import dev.loupe.inspect.LensGrid;
import dev.loupe.service.InspectRequest;
import dev.loupe.service.TextTest;
import dev.loupe.service.Workbench;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The inspector, the search by a text, and taking a feature out: the pages show the numbers of the services. */
class InspectPageTest {
    private static final String TEXT = "The Commission has adopted";

    private final Workbench workbench = RealWorkspace.get().workbench();

    @Test
    void the_lens_shows_the_best_token_of_every_layer_and_the_address_keeps_what_is_shown() {
        LensGrid g = workbench.inspect().lens(InspectRequest.of("builtin", TEXT), Progress.silent());
        int last = g.cells().size() - 1;
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/inspect?text=" + TEXT.replace(" ", "%20"));
            Locator rows = page.locator("loupe-lens tbody tr");
            assertThat(rows).hasCount(last + 1);
            Locator top = rows.first().locator("td");
            assertThat(top).hasCount(g.text().tokens().size());
            for (int p = 0; p < g.text().tokens().size(); p++) {
                assertThat(top.nth(p))
                        .hasText(g.cells()
                                .get(last)
                                .get(p)
                                .top()
                                .getFirst()
                                .text()
                                .replace(" ", "␣")
                                .replace("\n", "↵"));
            }
            top.first().focus();
            page.keyboard().press("ArrowRight");
            assertThat(page.locator(".lens-words")).containsText("position 1 after");
            page.locator("main .seg button:text-is('rank of the token to follow')")
                    .click();
            assertThat(page).hasURL(Pattern.compile("show=rank"));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void heads_are_pictures_that_are_chosen_and_a_table_holds_what_a_token_looks_at() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/inspect?view=attention&layer=2&text=" + TEXT.replace(" ", "%20"));
            Locator heads = page.locator("loupe-attention .head");
            heads.nth(1).click();
            assertThat(page).hasURL(Pattern.compile("head=1"));
            assertThat(page.locator("loupe-attention caption")).containsText("Layer 2, head 1");
            page.locator("loupe-attention .toks").focus();
            page.keyboard().press("ArrowLeft");
            assertThat(page).hasURL(Pattern.compile("query="));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void a_logit_is_taken_apart_into_latents_that_lead_to_their_pages() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page =
                    tab.go("/inspect?view=attribution&sae=" + RealWorkspace.SAE + "&text=" + TEXT.replace(" ", "%20"));
            page.locator("loupe-bars a").first().click();
            assertThat(page).hasURL(Pattern.compile("/features/" + RealWorkspace.SAE + "/[0-9]+$"));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void a_text_finds_the_features_that_fire_on_it_and_clicked_tokens_are_summed() {
        TextTest t = workbench.features().test(RealWorkspace.SAE, TEXT, List.of(), 100_000);
        int best = t.features().getFirst().id();
        int second = t.features().stream()
                .max(java.util.Comparator.comparingDouble(r -> r.values()[1] + r.values()[2]))
                .orElseThrow()
                .id();
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/search?by=text&sae=" + RealWorkspace.SAE);
            page.locator("#search-text").fill(TEXT);
            page.keyboard().press("Enter");
            Locator first = page.locator("#search-found a").first();
            assertThat(first).containsText(String.valueOf(best));
            assertThat(page.locator("#search-tokens .tok.peak"))
                    .hasAttribute("title", Pattern.compile("^" + best + " ")); // coloured by its strongest feature
            page.locator("#search-tokens .tok").nth(1).click();
            page.locator("#search-tokens .tok").nth(2).click();
            assertThat(page).hasURL(Pattern.compile("pick=1(,|%2C)2"));
            assertThat(first).containsText(String.valueOf(second));
            assertThat(page.locator("#search-tokens .tok.chosen")).hasCount(2);
            page.reload();
            assertThat(page.locator("#search-found a").first()).containsText(String.valueOf(second));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void taking_a_feature_out_shows_what_the_model_loses() {
        int id = workbench
                .features()
                .test(RealWorkspace.SAE, TEXT, List.of(), 1)
                .features()
                .getFirst()
                .id();
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id + "?text=" + TEXT.replace(" ", "%20"));
            page.locator("#ablation-run").click();
            assertThat(page.locator("#ablation")).containsText("nats of loss per token");
            assertThat(page.locator("#ablation tbody tr").first()).isVisible();
            assertThat(tab.wrong()).isEmpty();
        }
    }
}
