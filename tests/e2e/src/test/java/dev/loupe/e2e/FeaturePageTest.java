package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.memory.NeuronCorrelation;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.feature.LabelCandidate;
import dev.loupe.service.Counterpart;
import dev.loupe.service.Explanation;
import dev.loupe.service.FeatureQuery;
import dev.loupe.service.LogitEffects;
import dev.loupe.service.NeuronAlignment;
import dev.loupe.service.Workbench;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page of one feature: what is worked out on demand agrees with the index, and the page shows it. */
class FeaturePageTest {
    private final Workbench workbench = RealWorkspace.get().workbench();

    private FeatureDetail strongest() {
        FeatureSummary f = workbench
                .features()
                .list(
                        RealWorkspace.SAE,
                        FeatureQuery.all().sortedBy("max", true).page(0, 1))
                .features()
                .getFirst();
        return workbench.features().detail(RealWorkspace.SAE, f.id());
    }

    @Test
    void whole_sequences_have_the_tokens_and_values_of_the_index() {
        FeatureDetail f = strongest();
        List<Example> whole =
                workbench.closeUps().whole(RealWorkspace.SAE, f.summary().id(), f.examples());
        assertThat(whole).hasSameSizeAs(f.examples());
        for (int i = 0; i < whole.size(); i++) {
            Example part = f.examples().get(i);
            Example all = whole.get(i);
            assertThat(all.tokens().size()).isGreaterThanOrEqualTo(part.tokens().size());
            assertThat(all.peak()).isEqualTo(part.position() + part.peak());
            for (int t = 0; t < part.tokens().size(); t++) {
                assertThat(all.tokens().get(part.position() + t))
                        .isEqualTo(part.tokens().get(t));
                assertThat(all.values()[part.position() + t]).isCloseTo(part.values()[t], within(1e-4f * part.max()));
            }
        }
    }

    @Test
    void the_logits_of_all_tokens_have_the_ends_of_the_index_and_their_own_moments() {
        FeatureDetail f = strongest();
        LogitEffects e =
                workbench.closeUps().logits(RealWorkspace.SAE, f.summary().id());
        assertThat(e.to()).isCloseTo(f.promoted().getFirst().value(), within(1e-5));
        assertThat(e.from()).isCloseTo(f.suppressed().getFirst().value(), within(1e-5));
        int vocabulary = workbench.models().get("builtin").config().dVocab();
        assertThat(Arrays.stream(e.counts()).sum()).isEqualTo(vocabulary);
        double width = (e.to() - e.from()) / e.counts().length;
        double mean = 0;
        for (int i = 0; i < e.counts().length; i++) {
            mean += e.counts()[i] * (e.from() + (i + 0.5) * width) / vocabulary;
        }
        assertThat(e.mean()).isCloseTo(mean, within(width));
        assertThat(e.kurtosis()).isGreaterThan(1 + e.skewness() * e.skewness()); // of any distribution
    }

    @Test
    void context_is_short_long_or_the_whole_sequence_and_the_address_keeps_it() {
        int id = strongest().summary().id();
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id);
            Locator tokens = page.locator("#examples .ex").first().locator(".tok");
            assertThat(tokens.first()).isVisible();
            int line = tokens.count();
            page.locator("#examples .seg button:text-is('short')").click();
            assertThat(page).hasURL(Pattern.compile("context=short"));
            page.waitForCondition(() -> tokens.count() > 0 && tokens.count() <= Math.min(line, 11));
            page.locator("#examples .seg button:text-is('whole sequence')").click();
            assertThat(page).hasURL(Pattern.compile("context=whole"));
            assertThat(tokens.first()).containsText("endoftext");
            page.reload();
            assertThat(tokens.first()).containsText("endoftext");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void bars_and_tokens_point_at_each_other() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/"
                    + strongest().summary().id());
            Locator chart = page.locator("loupe-histogram").first();
            chart.locator("svg").focus();
            page.keyboard().press("End");
            assertThat(page.locator("#examples .tok.inrange").first()).isVisible();
            page.locator("#examples .tok.peak").first().hover();
            assertThat(chart.locator(".marker")).hasAttribute("d", Pattern.compile("M[0-9]"));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void a_key_leads_to_the_same_feature_in_the_next_seed_and_back_leads_back() {
        FeatureDetail f = workbench.features().index(RealWorkspace.SAE).all().stream()
                .filter(s -> workbench.counterparts().of(RealWorkspace.SAE, s.id()).stream()
                        .anyMatch(c -> c.id() >= 0))
                .findFirst()
                .map(s -> workbench.features().detail(RealWorkspace.SAE, s.id()))
                .orElseThrow();
        Counterpart other =
                workbench.counterparts().of(RealWorkspace.SAE, f.summary().id()).getFirst();
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page =
                    tab.go("/features/" + RealWorkspace.SAE + "/" + f.summary().id());
            page.keyboard().press("]");
            assertThat(page).hasURL(Pattern.compile("/features/" + other.sae() + "/" + other.id() + "$"));
            assertThat(page.locator("h1")).containsText(other.id() + " · ");
            page.goBack();
            assertThat(page.locator("h1")).containsText(f.summary().id() + " · ");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void the_neurons_that_write_its_direction_are_looked_through_when_asked_for() {
        int id = strongest().summary().id();
        NeuronAlignment found = workbench.alignments().of(RealWorkspace.SAE, id, 1, true);
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id);
            Locator card = page.locator("#neurons");
            assertThat(card.locator(".row").first())
                    .containsText(String.valueOf(found.dimensions().getFirst().dimension()));
            page.locator("#neurons-run").click();
            NeuronAlignment.Writer best = found.writers().getFirst();
            Locator link = card.locator("a:text-is('" + best.layer() + ":" + best.neuron() + "')");
            assertThat(link).hasAttribute("href", Pattern.compile("/neurons/" + best.layer() + "/" + best.neuron()));
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void the_neurons_active_with_it_are_read_from_text_when_asked_for() {
        int id = strongest().summary().id();
        NeuronCorrelation found = workbench.alignments().correlated(RealWorkspace.SAE, id, 1, 0, Progress.silent());
        NeuronCorrelation.Neuron best = found.neurons().getFirst();
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id);
            Locator card = page.locator("#neurons");
            page.locator("#correlated-run").click();
            Locator link = card.locator("a:text-is('" + best.layer() + ":" + best.neuron() + "')");
            assertThat(link).hasAttribute("href", Pattern.compile("/neurons/" + best.layer() + "/" + best.neuron()));
            assertThat(card).containsText(String.format(Locale.ROOT, "%.2f · ", Math.abs(best.pearson())));
            assertThat(card).containsText("sequences of the store tiny");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void every_rule_is_shown_with_its_scores_and_in_full_and_so_is_what_others_say() {
        FeatureDetail f = strongest();
        int id = f.summary().id();
        workbench
                .notes()
                .explain(
                        RealWorkspace.SAE,
                        List.of(new Explanation(
                                id,
                                "<b>about</b> fisheries",
                                "prose",
                                "tiny",
                                Instant.EPOCH,
                                "",
                                List.of(),
                                0.75,
                                0.5)));
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id);
            Locator card = page.locator("#labels");
            for (LabelCandidate c : f.labels()) {
                assertThat(card).containsText(c.kind());
                if (c.balancedAccuracy() != null) {
                    assertThat(card).containsText(String.format(Locale.ROOT, "accuracy %.2f", c.balancedAccuracy()));
                }
            }
            Locator rule = card.locator("details").first();
            rule.locator("summary").focus();
            page.keyboard().press("Enter");
            assertThat(rule.locator(".mono")).isVisible();
            assertThat(card).containsText("<b>about</b> fisheries");
            assertThat(card).containsText("detection 0.75");
            assertThat(card).containsText("fuzzing 0.50");
            assertThat(card).containsText("Labels in prose are off");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void two_people_editing_one_note_are_told_and_neither_loses_a_word() {
        int id = strongest().summary().id();
        String path = "/features/" + RealWorkspace.SAE + "/" + id;
        try (Tab one = Tab.open(1280, 1000);
                Tab two = Tab.open(1280, 1000)) {
            Page first = one.go(path);
            Page second = two.go(path);
            write(first, "about fish");
            assertThat(first.locator("#notes")).containsText("saved ");
            write(second, "<img src=x onerror=window.pwned=1> about rapporteurs");
            assertThat(second.locator("#notes .bad")).containsText("“about fish”");
            assertThat(second.locator("#note")).hasValue(Pattern.compile("about rapporteurs"));
            assertThat(workbench.notes().note(RealWorkspace.SAE, id).text()).isEqualTo("about fish");
            second.locator("#notes button:text-is('write mine over it')").click();
            assertThat(second.locator("#notes")).containsText("saved ");
            assertThat(workbench.notes().note(RealWorkspace.SAE, id).text()).endsWith("about rapporteurs");
            write(first, "about the sea");
            assertThat(first.locator("#notes .bad")).containsText("<img src=x");
            first.locator("#notes button:text-is('take theirs')").click();
            assertThat(first.locator("#note")).hasValue(Pattern.compile("about rapporteurs"));
            assertThat(first.evaluate("window.pwned === undefined")).isEqualTo(true);
            assertThat(one.wrong()).isEmpty();
            assertThat(two.wrong()).isEmpty();
        }
    }

    private static void write(Page page, String note) {
        page.locator("#note").fill(note);
        page.locator("#note").blur();
    }

    @Test
    void a_feature_joins_a_new_list_and_is_a_file() {
        int id = strongest().summary().id();
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/" + RealWorkspace.SAE + "/" + id);
            page.locator("#notes select").selectOption("*");
            page.locator("#new-list").fill("no spaces allowed");
            page.locator("#new-list").press("Enter");
            assertThat(page.locator("#notes .bad")).containsText("no spaces allowed");
            page.locator("#notes select").selectOption("*");
            page.locator("#new-list").fill("fish");
            page.locator("#new-list").press("Enter");
            assertThat(page.locator("#notes .chip:text-is('fish')")).isVisible();
            assertThat(workbench.notes().list("fish").features())
                    .anyMatch(f -> f.sae().equals(RealWorkspace.SAE) && f.id() == id);
            String html = page.locator("#notes .btn:text-is('HTML')").getAttribute("href");
            assertThat(page.request().get(RealWorkspace.get().url() + html).text())
                    .startsWith("<!doctype html>");
            String lines = page.locator("#notes .btn:text-is('JSONL')").getAttribute("href");
            assertThat(page.request().get(RealWorkspace.get().url() + lines).text())
                    .contains("\"index\"");
            workbench.notes().deleteList("fish");
            assertThat(tab.wrong()).isEmpty();
        }
    }
}
