package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.loupe.service.FeatureList;
import dev.loupe.service.Workbench;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The lists of features that people put together: shown, changed, kept as files. */
class ListPageTest {
    private final Workbench workbench = RealWorkspace.get().workbench();

    @Test
    void a_list_names_its_features_loses_one_and_is_a_file() {
        String name = "mixed";
        workbench
                .notes()
                .save(new FeatureList(
                        name,
                        "",
                        List.of(
                                new FeatureList.Item(RealWorkspace.SAE, 3, RealWorkspace.EVIL),
                                new FeatureList.Item(RealWorkspace.OTHER, 5, "")),
                        0,
                        Instant.EPOCH));
        try (Tab tab = Tab.open(1280, 1000);
                Tab narrow = Tab.open(390, 800)) {
            Page page = tab.go("/lists");
            page.locator("a:text-is('" + name + "')").click();
            assertThat(page.locator("h1")).hasText(name);
            assertThat(page.locator("tbody tr")).hasCount(2);
            assertThat(page.locator("tbody")).containsText(RealWorkspace.EVIL);
            assertThat(page.evaluate("window.pwned === undefined")).isEqualTo(true);
            assertThat((Integer) narrow.go("/lists/" + name).evaluate("document.documentElement.scrollWidth"))
                    .isLessThanOrEqualTo(390);
            page.locator("#about").fill("about the sea");
            page.locator("#about").press("Enter");
            assertThat(page.locator("#list-said")).containsText("saved ");
            assertThat(workbench.notes().list(name).description()).isEqualTo("about the sea");
            String html = page.locator("main .btn:text-is('HTML')").getAttribute("href");
            assertThat(page.request().get(RealWorkspace.get().url() + html).text())
                    .contains("<h1>mixed</h1><p>about the sea</p>")
                    .doesNotContain("<img");
            String lines = page.locator("main .btn:text-is('JSONL of " + RealWorkspace.OTHER + "')")
                    .getAttribute("href");
            assertThat(page.request()
                            .get(RealWorkspace.get().url() + lines)
                            .text()
                            .lines())
                    .hasSize(1);
            page.locator("tbody tr").first().locator("button").click();
            assertThat(page.locator("tbody tr")).hasCount(1);
            assertThat(workbench.notes().list(name).features())
                    .containsExactly(new FeatureList.Item(RealWorkspace.OTHER, 5, ""));
            narrow.page().locator("tbody tr").first().locator("button").click(); // of a version that is gone
            assertThat(narrow.page().locator("#list-said")).containsText("was changed meanwhile");
            assertThat(narrow.page().locator("tbody tr")).hasCount(1);
            assertThat(tab.wrong()).isEmpty();
        } finally {
            workbench.notes().deleteList(name);
        }
    }
}
