package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import dev.loupe.service.CrossNeighbour;
import dev.loupe.service.FeatureHit;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.FeatureSearch.By;
import dev.loupe.service.GroupCount;
import dev.loupe.service.Workbench;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The search page shows what the services find, keeps it in the address, and says what to do where nothing is found. */
class SearchPageTest {
    private static final String SAE = RealWorkspace.SAE;

    private final Workbench workbench = RealWorkspace.get().workbench();
    private Tab tab;

    @BeforeEach
    void open() {
        tab = Tab.open(1280, 1000);
    }

    @AfterEach
    void close() {
        tab.close();
    }

    private List<FeatureHit> find(String query, By by, FeatureQuery filter) {
        return workbench.search().find(query, by, SAE, filter, 60);
    }

    @Test
    void words_are_found_as_one_types_within_the_filters_and_the_address_keeps_both() {
        List<FeatureHit> all = find("rapport", By.WORDS, FeatureQuery.all());
        List<FeatureHit> few =
                find("rapport", By.WORDS, FeatureQuery.all().dense(0, 0.01).scored(0.7));
        assertThat(few).hasSizeLessThan(all.size());
        Page page = tab.go("/search?sae=" + SAE);
        assertThat(page.locator("#search-results")).containsText("Most contextual");
        page.locator("#search-q").fill("rapport");
        Locator rows = page.locator("#search-results .hit");
        assertThat(page.locator("#search-results h2")).containsText("“rapport”");
        assertThat(rows).hasCount(all.size());
        assertThat(rows.first().locator("a"))
                .hasAttribute(
                        "href",
                        "/features/" + SAE + "/"
                                + all.getFirst().hit().summary().id());
        page.locator("#search-dense").selectOption("0.01");
        page.locator("#search-score").selectOption("0.7");
        assertThat(rows).hasCount(few.size());
        assertThat(page).hasURL(Pattern.compile("(?=.*q=rapport)(?=.*dense=0\\.01).*score=0\\.7"));
        page.reload();
        assertThat(rows).hasCount(few.size());
        assertThat(page.locator("#search-dense")).hasValue("0.01");
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void a_regular_expression_finds_tokens_and_a_wrong_one_is_told() {
        Page page = tab.go("/search?by=regex&sae=" + SAE);
        page.locator("#search-q").fill("(");
        assertThat(page.locator("#search-results .bad")).containsText("This is no regular expression");
        String digits = "^ ?[0-9]+$";
        page.locator("#search-q").fill(digits);
        FeatureHit best = find(digits, By.REGEX, FeatureQuery.all()).getFirst();
        assertThat(page.locator("#search-results .hit").first())
                .containsText(best.hit().summary().id() + " · ");
        assertThat(page.locator("#search-results .chip").first()).containsText("of its activation");
        assertThat(page).hasURL(Pattern.compile("by=regex.*q=|q=.*by=regex"));
        page.locator("[role=tab]:text-is('words')").click();
        assertThat(page.locator("h1")).hasText("Search");
        assertThat(page).hasURL(Pattern.compile("/search(?!.*by=regex)")); // written after the page; back must wait
        page.goBack();
        assertThat(page.locator("#search-q")).hasValue(digits);
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void where_nothing_is_found_the_ways_on_are_there() {
        Page page = tab.go("/search?q=zzqzzq&dense=0.01");
        assertThat(page.locator("#search-results")).containsText("holds all of this, within these filters.");
        page.locator("#search-results a:text-is('without the filters')").click();
        assertThat(page.locator("#search-dense")).hasValue("");
        page.locator("#search-results a:text-is('which features fire on it?')").click();
        assertThat(page.locator("#search-text")).hasValue("zzqzzq");
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void from_a_feature_to_those_like_it_in_another_sae_and_back() {
        int id = find("rapport", By.WORDS, FeatureQuery.all())
                .getFirst()
                .hit()
                .summary()
                .id();
        Page page = tab.go("/features/" + SAE + "/" + id);
        page.locator("a:text-is('more, and in other SAEs')").click();
        Locator first = page.locator("#search-like loupe-bars .row").first();
        CrossNeighbour same = workbench.search().neighbours(SAE, id, SAE, 1).getFirst();
        assertThat(first).containsText(String.valueOf(same.id()));
        page.locator("#like-other").selectOption(RealWorkspace.OTHER);
        CrossNeighbour other =
                workbench.search().neighbours(SAE, id, RealWorkspace.OTHER, 1).getFirst();
        assertThat(first.locator("a")).hasAttribute("href", "/features/" + RealWorkspace.OTHER + "/" + other.id());
        assertThat(page).hasURL(Pattern.compile("other=" + RealWorkspace.OTHER));
        page.locator("#like-id").fill("9999");
        page.locator("#like-id").blur();
        assertThat(page.locator("#search-like .bad")).containsText("has no feature 9999");
        assertThat(page).hasURL(Pattern.compile("id=9999")); // written a moment later; back must not overtake it
        page.goBack();
        assertThat(page.locator("h1")).containsText(id + " · ");
        assertThat(tab.wrong()).isEmpty();
    }

    @Test
    void a_built_in_list_is_as_long_as_its_count_and_the_control_has_its_command() {
        GroupCount longest = workbench.controls().groups(SAE).stream()
                .max(Comparator.comparingInt(GroupCount::count))
                .orElseThrow();
        Page page = tab.go("/features/" + SAE);
        assertThat(page.locator("#groups")).containsText("loupe index " + SAE + " --control");
        Locator button = page.locator("#groups .group", new Page.LocatorOptions().setHasText(longest.title()));
        button.click();
        assertThat(button).hasAttribute("aria-pressed", "true");
        assertThat(page.locator("#features")).containsText(longest.count() + " of 128 features");
        assertThat(page.locator("#group")).hasValue(longest.key());
        assertThat(page).hasURL(Pattern.compile("group=" + longest.key()));
        button.click();
        assertThat(page.locator("#group")).hasValue("");
        assertThat(tab.wrong()).isEmpty();
    }
}
