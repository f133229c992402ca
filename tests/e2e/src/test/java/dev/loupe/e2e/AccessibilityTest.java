package dev.loupe.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.deque.html.axecore.results.CheckedNode;
import com.deque.html.axecore.results.Rule;
import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ReducedMotion;
import dev.loupe.base.Progress;
import dev.loupe.service.DiagnoseSpec;
import dev.loupe.service.FeatureList;
import dev.loupe.service.SeedsSpec;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every page for everyone: axe-core finds no serious violation, in light and in dark. */
class AccessibilityTest {
    private static final List<String> GRAVE = List.of("serious", "critical");

    private static String diagnostic = "";

    /** A diagnostic, a sweep and an experiment on seeds, the smallest there are, so that their pages have something to show. */
    @BeforeAll
    static void train() {
        Workbench bench = RealWorkspace.get().workbench();
        if (bench.sweeps().list().contains("widths")) {
            return; // a test's second try
        }
        SweepSpec widths = Views.JSON.readValue(
                "{'name': 'widths', 'store': 'tiny', 'd_sae': [32, 64], 'k': [4], 'steps': 20, 'set': {'batch': 256}}"
                        .replace('\'', '"'),
                SweepSpec.class);
        bench.sweeps().run(widths, Progress.silent());
        SeedsSpec real = Views.JSON.readValue(
                "{'name': 'real', 'store': 'tiny', 'seeds': [0, 1], 'd_sae': [32], 'k': [4], 'tokens': [2048, 4096],"
                        .concat(" 'set': {'batch': 256}}")
                        .replace('\'', '"'),
                SeedsSpec.class);
        bench.seeds().run(real, Progress.silent());
        diagnostic = bench.diagnose()
                .run(
                        new DiagnoseSpec(
                                List.of("attention-entropy"), null, "tiny", null, null, null, 500, 100, 0, 0, false),
                        Progress.silent())
                .results()
                .getFirst()
                .id();
        bench.notes()
                .save(new FeatureList(
                        "kept",
                        "worth a second look",
                        List.of(new FeatureList.Item("tiny-s0", 3, "")),
                        0,
                        Instant.EPOCH));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/",
                "/features",
                "/features/tiny-s0",
                "/features/tiny-s0?picture=map",
                "/features/tiny-s0?picture=scatter",
                "/features/tiny-s0?picture=training",
                "/features/tiny-s0/3?text=The+Commission+has+adopted+it",
                "/search",
                "/search?q=Commission",
                "/search?q=zzqzzq&dense=0.01",
                "/search?by=regex",
                "/search?by=text&text=The+Commission+has+adopted+it",
                "/search?by=like&sae=tiny-s0&id=3&other=tiny-s1",
                "/lists",
                "/lists/kept",
                "/steer",
                "/saes/tiny-s0",
                "/seeds/real",
                "/seeds/nothing-here",
                "/sweeps",
                "/sweeps/widths",
                "/sweeps/nothing-here",
                "/inspect?text=The+Commission",
                "/inspect?view=attention&text=The+Commission",
                "/inspect?view=attribution&text=The+Commission",
                "/compare",
                "/compare/tiny-s0/tiny-s1",
                "/patch",
                "/patch?verify=1&sites=resid_pre,z",
                "/patch?clean=I+thank+you&corrupt=We+thank+you+all&answer=+am&wrong=+are",
                "/circuits",
                "/circuits/made?kind=graph&pinned=E_4_3&group=one:E_3_2:E_5_4&selected=E_4_3",
                "/circuits/made?kind=graph&with=made-b",
                "/circuits/person?kind=circuit",
                "/steer?edit=tiny-s0:3:add:1",
                "/diagnostics",
                "/diagnostics/nothing-here",
                "/diagnostics/RESULT",
                "/neurons/2/7",
                "/jobs",
                "/stores",
                "/models",
                "/features/nothing-here",
                "/nothing/here"
            })
    void axe_finds_nothing_serious_in_light_or_dark(String path) {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.page();
            page.emulateMedia(
                    new Page.EmulateMediaOptions().setReducedMotion(ReducedMotion.REDUCE)); // no colour on its way
            tab.go(path.replace("RESULT", diagnostic));
            page.waitForLoadState();
            page.waitForTimeout(300); // drawings come a frame after the page
            for (ColorScheme scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
                page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(scheme));
                settle(page);
                List<String> found = new ArrayList<>();
                AxeBuilder axe = new AxeBuilder(page).setLegacyMode(true);
                if (scheme == ColorScheme.DARK) {
                    axe.withRules(List.of("color-contrast", "link-in-text-block")); // nothing else differs
                }
                for (Rule rule : axe.analyze().getViolations()) {
                    if (GRAVE.contains(rule.getImpact())) {
                        for (CheckedNode node : rule.getNodes()) {
                            found.add(rule.getId() + " " + node.getTarget() + " " + node.getFailureSummary());
                        }
                    }
                }
                assertThat(found).as("%s in %s", path, scheme).isEmpty();
            }
        }
    }

    /** Lets everything be drawn, and what fades arrive, inside Vaadin's components too. */
    private static void settle(Page page) {
        page.evaluate("""
                async () => {
                  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
                  await Promise.all(document.getAnimations().map(a => a.finished.catch(() => null)));
                  await new Promise(requestAnimationFrame);
                }""");
    }

    @Test
    void one_of_black_and_white_reads_on_every_value_and_the_scripts_know_the_style_sheets_colours() {
        try (Tab tab = Tab.open(800, 600)) {
            Page page = tab.go("/models");
            for (ColorScheme scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
                page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(scheme));
                Object wrong = page.evaluate("""
                        async theme => {
                          const { PALETTE, inkOn } = await import('/js/core.js');
                          const wrong = [], style = getComputedStyle(document.documentElement);
                          const lum = c => c.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
                            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
                          const probe = document.body.appendChild(document.createElement('span'));
                          const numbers = css => css.match(/[0-9.]+/g).slice(0, 3).map(Number);
                          probe.style.color = 'var(--paper)';
                          const paper = numbers(getComputedStyle(probe).color);
                          if (String(paper) !== String(PALETTE[theme].paper)) wrong.push('paper ' + paper);
                          for (const tone of ['act', 'pos', 'neg']) {
                            const c = style.getPropertyValue('--' + tone).trim().split(' ').map(Number);
                            if (String(c) !== String(PALETTE[theme][tone])) wrong.push(tone + ' ' + c);
                            for (let a = 0; a <= 1; a += .01) {
                              probe.style.color = inkOn(tone, a);
                              const back = lum(c.map((v, i) => paper[i] + a * (v - paper[i])));
                              const ink = lum(numbers(getComputedStyle(probe).color));
                              const contrast = (Math.max(back, ink) + .05) / (Math.min(back, ink) + .05);
                              if (contrast < 4.5) wrong.push(`${tone} ${a}: ${contrast}`);
                            }
                          }
                          return wrong;
                        }""", scheme == ColorScheme.LIGHT ? "light" : "dark");
                assertThat((List<?>) wrong).as("%s", scheme).isEmpty();
            }
        }
    }

    @Test
    void a_drawing_is_walked_by_keyboard_and_has_its_numbers_as_a_table_and_as_files() throws IOException {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = tab.go("/features/tiny-s0");
            Locator chart = page.locator("loupe-histogram").first();
            chart.locator("svg").focus();
            page.keyboard().press("ArrowRight");
            assertThat(chart.locator(".readout").textContent()).contains("features");
            chart.locator("summary").focus();
            page.keyboard().press("Enter");
            Locator rows = chart.locator(".chart-table tbody tr");
            rows.first().waitFor();
            String csv = saved(page, chart, "CSV");
            assertThat(csv.lines().count()).isEqualTo(rows.count() + 1);
            assertThat(csv).startsWith("from,to,features\r\n");
            assertThat(saved(page, chart, "SVG"))
                    .startsWith("<svg")
                    .contains("<rect")
                    .doesNotContain("var(--");
            assertThat(saved(page, chart, "PNG")).contains("PNG");
            assertThat(tab.wrong()).isEmpty();
        }
    }

    private static String saved(Page page, Locator chart, String kind) throws IOException {
        Download file = page.waitForDownload(() -> chart.locator(".btn", new Locator.LocatorOptions().setHasText(kind))
                .click());
        return Files.readString(file.path(), StandardCharsets.ISO_8859_1);
    }

    @Test
    void who_asked_for_less_motion_gets_none() {
        try (Tab tab = Tab.open(800, 600)) {
            Page page = tab.go("/models");
            page.emulateMedia(new Page.EmulateMediaOptions().setReducedMotion(ReducedMotion.REDUCE));
            assertThat(page.evaluate("parseFloat(getComputedStyle(document.querySelector('.btn')).transitionDuration)"))
                    .satisfies(v -> assertThat(((Number) v).doubleValue()).isLessThanOrEqualTo(0.001));
        }
    }
}
