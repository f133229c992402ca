package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.loupe.feature.FeatureSummary;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Text is text wherever it comes from: the corpus, the address, a field. The workspace's own corpus holds markup. */
class HostileTextTest {
    private static final String EVIL =
            RealWorkspace.EVIL + "\"><svg onload=window.pwned=2>'){{7*7}}${window.pwned=3}\u202e";

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    @Test
    void markup_in_texts_tokens_labels_and_addresses_is_never_run() {
        List<FeatureSummary> fires = RealWorkspace.get()
                .workbench()
                .features()
                .test(RealWorkspace.SAE, RealWorkspace.EVIL, List.of(), 3)
                .features()
                .stream()
                .map(r -> RealWorkspace.get()
                        .workbench()
                        .features()
                        .index(RealWorkspace.SAE)
                        .summary(r.id()))
                .toList();
        assertThat(fires).isNotEmpty();
        String sae = "/features/" + RealWorkspace.SAE;
        try (Tab tab = Tab.open(1280, 1000)) {
            for (FeatureSummary f : fires) {
                Page page = tab.go(sae + "/" + f.id() + "?context=whole&text=" + encoded(RealWorkspace.EVIL));
                assertThat(page.locator("#test-tokens")).containsText("onerror");
                assertThat(page.locator("#examples .ex").first()).isVisible();
                unharmed(page);
            }
            for (String path : List.of(
                    sae + "?q=" + encoded(EVIL),
                    sae + "?picture=scatter&y=" + encoded(EVIL),
                    "/search?q=" + encoded("onerror"),
                    "/search?q=" + encoded(EVIL),
                    "/search?by=regex&q=" + encoded(EVIL),
                    "/search?by=like&sae=" + encoded(EVIL) + "&id=" + encoded(EVIL),
                    "/lists/" + encoded(EVIL),
                    "/inspect?text=" + encoded(EVIL),
                    "/inspect?view=attention&text=" + encoded(EVIL),
                    "/inspect?view=attribution&text=" + encoded(EVIL),
                    "/inspect?token=" + encoded(EVIL),
                    "/steer?prompt=" + encoded(EVIL),
                    "/steer?edit=" + encoded(EVIL),
                    "/patch?clean=" + encoded(EVIL) + "&corrupt=" + encoded(EVIL),
                    "/patch?saved=" + encoded(EVIL),
                    "/patch?task=" + encoded(EVIL),
                    "/circuits?prompt=" + encoded(EVIL),
                    "/circuits/made?kind=graph&selected=E_4_3&pinned=E_4_3," + encoded(EVIL) + "&label=E_4_3:"
                            + encoded(RealWorkspace.EVIL) + "&group=" + encoded(RealWorkspace.EVIL) + ":E_3_2",
                    "/circuits/" + encoded(EVIL),
                    "/features/" + encoded(EVIL))) {
                unharmed(tab.go(path));
            }
        }
    }

    private static void unharmed(Page page) {
        page.waitForTimeout(250); // an image that does not load needs a moment to say so
        assertThat(page.evaluate("window.pwned === undefined")).as(page.url()).isEqualTo(true);
        assertThat(page.locator("main img, main script, main svg[onload]").count())
                .as(page.url())
                .isZero();
    }

    @Test
    void a_text_longer_than_the_context_says_what_was_cut() {
        String longText = "The Commission has adopted the report. ".repeat(120);
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/inspect?view=attribution&text=" + encoded(longText));
            assertThat(page.locator(".notice")).containsText("were left out, from “");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void numbers_that_no_feature_has_and_names_that_no_sae_has_are_said() {
        try (Tab tab = Tab.open(1280, 1000)) {
            assertThat(tab.go("/features/" + RealWorkspace.SAE + "/99999999").locator("main.page"))
                    .containsText("its features are 0 to 127");
            assertThat(tab.go("/features/no-such-sae").locator("main.page")).containsText("There is no SAE");
            assertThat(tab.go("/search?by=text&sae=no-such&text=Hello").locator("main.page"))
                    .containsText("Features of a text");
        }
    }
}
