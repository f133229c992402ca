package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.FilePayload;
import dev.loupe.base.Progress;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The patching page in a browser: writing a pair, a file of pairs, saving, and what is pointed at. */
class PatchPageTest {
    @Test
    void a_pair_shows_its_tokens_while_it_is_written_and_what_is_wrong_with_it() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/patch");
            assertThat(page.locator("loupe-heat tbody tr").first()).isVisible();
            page.locator("#corrupt").fill("We would like to thank the very good rapporteur. We");
            assertThat(page.locator("#pair-problems")).containsText("very good");
            assertThat(page.locator("loupe-pair .gapchip").first()).isVisible();
            page.locator("#corrupt").fill("We would like to thank the rapporteur. You");
            assertThat(page.locator("loupe-pair .gapchip")).hasCount(0);
            assertThat(page.locator("#pair-problems")).hasText("");
            page.locator("#corrupt").press("Enter");
            assertThat(page).hasURL(Pattern.compile("corrupt=We.*You"));
            assertThat(page.locator("loupe-pair")).containsText("You");
            assertThat(page.locator("loupe-heat tbody tr").first()).isVisible();
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void pairs_of_a_file_are_patched_saved_and_found_again_at_their_address() {
        String csv = """
                clean,corrupt,answer,wrong
                "I would like to thank the rapporteur. I","We would like to thank the rapporteur. We"," am"," are"
                "I would like to thank the Commission. I","We would like to thank the Commission. We"," am"," are"
                """;
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/patch");
            assertThat(page.locator("loupe-heat tbody tr").first()).isVisible();
            page.locator("#import input[type=file]")
                    .setInputFiles(new FilePayload("mine.csv", "text/csv", csv.getBytes(StandardCharsets.UTF_8)));
            assertThat(page.locator("#tasks")).containsText("mine.csv, 2 pairs");
            assertThat(page.locator("main.page")).containsText("means over them");
            String value = page.locator("loupe-heat td").last().getAttribute("data-value");
            page.locator("#save").click();
            assertThat(page).hasURL(Pattern.compile("\\?saved=[0-9-]+$"));
            page.reload();
            assertThat(page.locator("main.page")).containsText("2 pairs");
            assertThat(page.locator("loupe-heat td").last()).hasAttribute("data-value", value);
            String id = page.url().replaceAll(".*saved=", "");
            assertThat(RealWorkspace.get().workbench().patch().get(id).request().pairs())
                    .hasSize(2);
            page.locator("#import input[type=file]")
                    .setInputFiles(new FilePayload("bad.csv", "text/csv", "clean,corrupt\n".getBytes()));
            assertThat(page.locator(".error[role=alert]")).containsText("bad.csv has no column answer");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void a_cell_pointed_at_is_marked_in_the_prompts_the_other_maps_and_the_scatter_plot() {
        try (Tab tab = Tab.open(1280, 1400)) {
            Page page = tab.go("/patch?verify=all");
            assertThat(page.locator("loupe-scatter svg")).isVisible();
            Locator cell =
                    page.locator("loupe-heat tbody tr").first().locator("td").last();
            cell.hover();
            assertThat(page.locator("loupe-pair td.linked")).hasCount(2);
            assertThat(page.locator("loupe-scatter .ring")).not().hasAttribute("cx", "-20");
            page.locator("[role=tab]:text-is('all, small')").click();
            assertThat(page.locator("loupe-heat")).hasCount(3);
            Locator last = page.locator("loupe-heat")
                    .first()
                    .locator("tbody tr")
                    .first()
                    .locator("td")
                    .last();
            last.focus();
            assertThat(page.locator("loupe-heat td.linked")).hasCount(3);
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void the_library_says_what_each_model_can_do_and_a_task_is_taken_from_it() {
        RealWorkspace.get().workbench().patch().tasks(null, Progress.silent()); // measured before
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/patch");
            page.locator("#open-library").click();
            Locator library = page.locator("#library");
            assertThat(library).containsText("builtin");
            Locator fails = library.locator("button[aria-label^='Indirect object']");
            assertThat(fails).isDisabled();
            library.locator("button[aria-label^='I and we']").click();
            assertThat(page).hasURL(Pattern.compile("task=person"));
            assertThat(page.locator("main.page")).containsText("16 pairs");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void long_work_waits_for_a_press_and_can_be_stopped() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go(
                    "/patch?method=ig&steps=4096&task=person&pairs=64&sites=resid_pre,resid_mid,resid_post,z,q,k,v");
            assertThat(page.locator("main.page")).containsText("This takes about");
            assertThat(page.locator("#cost")).containsText("backwards");
            page.locator("button:text-is('Run it here')").click();
            page.locator("#stop").first().click();
            assertThat(page.locator("main.page")).containsText("Stopped.");
            assertThat(page.locator("#run")).isEnabled();
            assertThat(tab.wrong()).isEmpty();
        }
    }
}
