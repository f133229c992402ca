package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.service.FeatureQuery;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The pages in a real browser, over a real server and a small workspace of real parts. */
class WebPagesTest {
    private static final String EVIL = "<img src=x onerror=document.title='pwned'>";

    private Tab tab;

    @BeforeEach
    void open() {
        RealWorkspace.get();
        tab = Tab.open(1280, 1000);
    }

    @AfterEach
    void close() {
        tab.close();
    }

    @ParameterizedTest
    @CsvSource({
        "/, tiny-s0",
        "/features, tiny-s1",
        "/features/tiny-s0, of 128 features",
        "/features/tiny-s0/3, How strongly it fires",
        "/search?q=Commission, “Commission”",
        "/compare, tiny-s0 · tiny-s1",
        "/compare/tiny-s0/tiny-s1, only in tiny-s0",
        "/inspect, What each layer would predict",
        "/search?by=text, Features of a text",
        "/search?by=regex, Begin with one of these",
        "/search?by=like&sae=tiny-s0&id=3, Nearest in tiny-s0",
        "/lists, ists",
        "/patch, logit difference",
        "/steer, The same",
        "/jobs, jobs",
        "/stores, blocks.3.hook_resid_post",
        "/models, blocks.0–5.hook_resid_post"
    })
    void every_page_opens_without_an_error_wide_and_narrow(String path, String sign) {
        for (int width : new int[] {1280, 420}) {
            try (Tab t = Tab.open(width, 900)) {
                Page page = t.go(path);
                if (!path.equals("/steer") && !path.equals("/jobs")) {
                    assertThat(page.locator("main.page")).containsText(sign);
                }
                assertThat((Integer) page.evaluate("document.documentElement.scrollWidth"))
                        .as("width of the page at %d pixels", width)
                        .isLessThanOrEqualTo(width);
                assertThat(t.wrong()).as(path).isEmpty();
            }
        }
    }

    @Test
    void definitions_of_a_report_stand_on_a_phones_screen() {
        try (Tab t = Tab.open(390, 844)) {
            Page page = t.go("/saes/" + RealWorkspace.SAE);
            assertThat(page.locator(".defined")).containsText("mean number of active latents per token");
            assertThat(
                            (Boolean)
                                    page.evaluate(
                                            "(() => { const d = document.querySelector('.defined'); return d.scrollWidth <= d.clientWidth; })()"))
                    .isTrue();
        }
    }

    @Test
    void the_feature_list_sorts_and_filters_as_the_service_does_and_keeps_it_in_the_address() {
        Page page = tab.go("/features/" + RealWorkspace.SAE + "?sort=max");
        List<FeatureSummary> byMax = list("", "max");
        Locator first = page.locator("vaadin-grid-cell-content a").first();
        assertThat(first).hasText(String.valueOf(byMax.getFirst().id()));

        page.locator("vaadin-grid-sorter", new Page.LocatorOptions().setHasText(Pattern.compile("^\\s*mean\\s*$")))
                .click();
        assertThat(page).hasURL(Pattern.compile("sort=mean"));

        String token = byMax.getFirst().topToken().strip();
        page.locator("#filter").fill(token);
        int expected = list(token, "max").size();
        assertThat(page.locator("main.page")).containsText(expected + " of 128 features");
        assertThat(page).hasURL(Pattern.compile("q="));
        assertThat(tab.wrong()).isEmpty();
    }

    private static List<FeatureSummary> list(String text, String sort) {
        return RealWorkspace.get()
                .workbench()
                .features()
                .list(RealWorkspace.SAE, FeatureQuery.all().sortedBy(sort, true).filtered(text, ""))
                .features();
    }

    @Test
    void a_feature_page_shows_the_figures_of_the_index_and_answers_the_keyboard() {
        int id = list("", "max").stream()
                .filter(f -> f.id() > 0 && f.id() < 120)
                .findFirst()
                .orElseThrow()
                .id();
        Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id);
        assertThat(page.locator("h1")).containsText(id + " · ");
        assertThat(page.locator("loupe-examples .ex").first()).isVisible();
        assertThat(page.locator("loupe-examples .tok.peak").first()).isVisible();
        assertThat(page.locator("loupe-histogram svg").first()).isVisible();

        page.keyboard().press("j");
        assertThat(page).hasURL(Pattern.compile("/" + (id + 1) + "$"));
        assertThat(page.locator("h1")).containsText((id + 1) + " · ");
        page.keyboard().press("k");
        assertThat(page.locator("h1")).containsText(id + " · ");

        page.keyboard().press("t");
        page.keyboard().type("The Commission has adopted the report " + EVIL);
        page.keyboard().press("Enter");
        assertThat(page.locator("#test-tokens")).containsText("onerror");
        assertThat(page.locator("#test-tokens img")).hasCount(0);

        page.keyboard().press("Escape");
        page.keyboard().press("/");
        page.keyboard().type("Commission");
        page.keyboard().press("Enter");
        assertThat(page).hasURL(Pattern.compile("/search\\?q=Commission"));
        assertThat(page.title()).isNotEqualTo("pwned");
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void the_patch_page_draws_the_numbers_of_the_service_and_checks_them() {
        PatchResult expected = RealWorkspace.get()
                .workbench()
                .patch()
                .run(
                        PatchRequest.of(
                                "I would like to thank the rapporteur. I",
                                "We would like to thank the rapporteur. We",
                                " am",
                                " are"),
                        Progress.silent());
        double[][] grid = expected.grids().get("resid_pre");
        Page page = tab.go("/patch");
        Locator rows = page.locator("loupe-heat tbody tr");
        assertThat(rows).hasCount(grid.length);
        for (int layer : new int[] {0, grid.length - 1}) {
            Locator cells = rows.nth(grid.length - 1 - layer).locator("td");
            assertThat(cells).hasCount(grid[layer].length);
            for (int p = 0; p < grid[layer].length; p++) {
                assertThat(Double.parseDouble(cells.nth(p).getAttribute("data-value")))
                        .isEqualTo(grid[layer][p]);
            }
        }
        rows.first().locator("td").first().focus();
        page.keyboard().press("ArrowRight");
        assertThat(page.locator("loupe-heat .readout")).containsText("position 1");

        page.locator("#verify").click();
        assertThat(page.locator("loupe-scatter svg")).isVisible();
        assertThat(page.locator("main.page")).containsText("Pearson");
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void the_steering_page_writes_both_texts_and_a_prompt_appears_only_as_text() {
        FeatureSummary f = list("", "max").getFirst();
        Page page = tab.go("/steer?temperature=0&tokens=16&edit=" + RealWorkspace.SAE + ":" + f.id() + ":add:2");
        assertThat(page.locator("main.page")).containsText("nats a token");
        assertThat(page.locator("#default-text .tok")).not().hasCount(0);
        assertThat(page.locator("#steered-text .tok")).not().hasCount(0);
        assertThat(page.locator("main.page")).containsText("add 2.00 × its maximum");

        page.locator("#prompt").fill("Dear " + EVIL);
        page.locator("#write").click();
        assertThat(page.locator("#steered-text")).containsText("onerror");
        assertThat(page.locator("main.page")).containsText("nats a token");
        assertThat(page.locator("#steered-text img, #default-text img")).hasCount(0);
        assertThat(page.title()).isNotEqualTo("pwned");
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void the_threshold_of_a_comparison_moves_the_counts() {
        Page page = tab.go("/compare/" + RealWorkspace.SAE + "/" + RealWorkspace.OTHER);
        int shared = RealWorkspace.get()
                .workbench()
                .compare()
                .get(RealWorkspace.SAE, RealWorkspace.OTHER)
                .sharedA(0.1)
                .size();
        page.locator("#threshold").fill("0.1");
        assertThat(page.locator(".facts b").first()).hasText(String.valueOf(shared));
        assertThat(page).hasURL(Pattern.compile("t=0.1"));
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void walking_to_a_matched_pair_shows_both_features_side_by_side() {
        Page page = tab.go("/compare/" + RealWorkspace.SAE + "/" + RealWorkspace.OTHER);
        page.locator("loupe-scatter svg").focus();
        page.keyboard().press("ArrowRight");
        page.keyboard().press("ArrowRight");
        assertThat(page.locator("#pair")).containsText(RealWorkspace.OTHER + " · ");
        assertThat(page.locator("#pair loupe-examples")).hasCount(2);
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void the_theme_follows_the_system_and_can_be_turned() {
        Page page = tab.go("/");
        String light =
                page.evaluate("getComputedStyle(document.body).backgroundColor").toString();
        page.locator("[data-act=theme]").click();
        String dark =
                page.evaluate("getComputedStyle(document.body).backgroundColor").toString();
        assertThat(dark).isNotEqualTo(light);
        page.reload();
        page.locator("main.page").waitFor();
        assertThat(page.evaluate("getComputedStyle(document.body).backgroundColor")
                        .toString())
                .isEqualTo(dark);
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void the_ramp_of_the_tokens_is_the_stated_one() {
        Page page = tab.go("/models");
        Object values = page.evaluate("import('/js/core.js').then(c => [0, 0.1, 0.5, 1, 2].map(v => c.ramp(v, 1)))");
        double[] expected = {0, .05 + .95 * Math.log10(1.9), .05 + .95 * Math.log10(5.5), 1, 1};
        for (int i = 0; i < expected.length; i++) {
            assertThat(((Number) ((List<?>) values).get(i)).doubleValue())
                    .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-12));
        }
        assertThat(page.evaluate("import('/js/core.js').then(c => c.alone(' a\\n'))"))
                .isEqualTo("␣a↵");
    }

    @ParameterizedTest
    @CsvSource({"/api/nothing/here", "/v1/nothing/here"})
    void unknown_paths_of_the_interfaces_are_json_not_pages(String path) throws IOException, InterruptedException {
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(RealWorkspace.get().url() + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(404);
        assertThat(answer.headers().firstValue("Content-Type").orElse("")).contains("json");
        assertThat(answer.body()).startsWith("{");
    }

    @Test
    void pages_carry_the_protective_headers() throws IOException, InterruptedException {
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(RealWorkspace.get().url() + "/"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Security-Policy").orElse(""))
                .contains("frame-ancestors 'none'");
        assertThat(answer.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
        assertThat(answer.headers().firstValue("Referrer-Policy")).contains("no-referrer");
    }
}
