package dev.loupe.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.service.TrainSpec;
import dev.loupe.service.Workbench;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * A list of several pages of rows is read ahead of whoever scrolls through it ({@code js/ahead.js}). Every step waits for
 * the rows that the next one will show; the grid alone would ask for them only when they are on the screen, empty.
 */
class LongListTest {
    private static final String SAE = "long";
    private static final int LATENTS = 640;

    private static final Workbench WORKBENCH = RealWorkspace.get().workbench();

    /** What the list shows and holds; counts frames in which a row was seen before its content. */
    private static final String TOOLS = """
            window.list = {
              grid: document.querySelector('#features vaadin-grid'),
              frames: 0,
              blank: 0,
              get table() { return this.grid.shadowRoot.querySelector('#table'); },
              rows() {
                const box = this.table.getBoundingClientRect();
                return [...this.grid.shadowRoot.querySelectorAll('#items tr:not([hidden])')].filter(row => {
                  const r = row.getBoundingClientRect();
                  return r.bottom > box.top + 40 && r.top < box.bottom;
                });
              },
              filled() {
                const rows = this.rows();
                return rows.length > 5 && !rows.some(row => row.hasAttribute('loading'));
              },
              range() {
                const rendered = this.grid._getRenderedRows();
                return [rendered.at(0).index, rendered.at(-1).index];
              },
              // whether the rows seen, and so many before and behind them, have come
              holds(before, behind) {
                const [first, end] = this.range();
                const items = this.grid._dataProviderController.rootCache.items;
                for (let i = Math.max(0, first - before); i <= Math.min(this.grid.size - 1, end + behind); i++) {
                  if (!items[i]) return false;
                }
                return true;
              },
              // scrolls evenly, two rows in each of four frames; answers the first row seen
              async move(direction) {
                const height = this.rows()[0].getBoundingClientRect().height;
                for (let i = 0; i < 4; i++) {
                  this.table.scrollTop += direction * 2 * height;
                  await new Promise(requestAnimationFrame);
                }
                return Math.min(...this.rows().map(row => row.index));
              },
              watch() {
                const look = () => {
                  this.frames++;
                  if (!this.filled()) this.blank++;
                  requestAnimationFrame(look);
                };
                requestAnimationFrame(look);
              },
            };""";

    /** Rows of one move of the script. */
    private static final int STEP = 8;

    @BeforeAll
    static void make() {
        WORKBENCH
                .training()
                .run(
                        TrainSpec.of(SAE, "tiny", "topk", LATENTS)
                                .k(8)
                                .seeds(List.of(0L))
                                .steps(4L)
                                .set(Map.of("batch", 128))
                                .build(),
                        Progress.silent());
        WORKBENCH.features().build(SAE, Progress.silent());
    }

    @AfterAll
    static void clear() throws Exception {
        AtomicFiles.deleteTree(WORKBENCH.workspace().features().resolve(SAE));
        AtomicFiles.deleteTree(WORKBENCH.workspace().saes().resolve(SAE));
    }

    private static Page open(Tab tab) {
        Page page = tab.go("/features/" + SAE + "?dead=1");
        page.locator("#features vaadin-grid").scrollIntoViewIfNeeded();
        page.evaluate(TOOLS);
        page.waitForFunction("window.list.grid.size === " + LATENTS + " && window.list.filled()");
        return page;
    }

    @Test
    void whoever_scrolls_down_and_up_again_sees_no_empty_row() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = open(tab);
            page.evaluate("window.list.watch()");
            int first = 0;
            for (int i = 0; i < 30; i++) {
                page.waitForFunction("window.list.holds(0, " + STEP + ")");
                int now = (Integer) page.evaluate("window.list.move(1)");
                assertThat(now).isGreaterThan(first);
                first = now;
            }
            assertThat(first).isGreaterThan(200); // several pages of rows, each asked for before it was seen
            assertThat((Integer) page.evaluate("window.list.blank")).isZero();
            // from the end: a jump has no direction, so the first move up is one
            page.evaluate("window.list.table.scrollTop = window.list.table.scrollHeight");
            page.waitForFunction("window.list.range()[1] === " + (LATENTS - 1) + " && window.list.filled()");
            page.evaluate("window.list.blank = 0");
            first = LATENTS;
            for (int i = 0; i < 20; i++) {
                page.waitForFunction("window.list.holds(" + STEP + ", 0)");
                int now = (Integer) page.evaluate("window.list.move(-1)");
                assertThat(now).isLessThan(first);
                first = now;
            }
            assertThat((Integer) page.evaluate("window.list.frames")).isGreaterThan(200);
            assertThat((Integer) page.evaluate("window.list.blank")).isZero();
            assertThat(tab.wrong()).isEmpty();
        }
    }

    @Test
    void a_jump_and_another_order_fill_what_is_seen() {
        try (Tab tab = Tab.open(1280, 1000)) {
            Page page = open(tab);
            page.evaluate("window.list.table.scrollTop = window.list.table.scrollHeight");
            page.waitForFunction("window.list.range()[1] === " + (LATENTS - 1) + " && window.list.filled()");
            page.locator("vaadin-grid-sorter").first().click();
            assertThat(page).hasURL(Pattern.compile("sort="));
            page.waitForFunction("window.list.filled()");
            page.evaluate("window.list.table.scrollTop = 0");
            page.waitForFunction("window.list.range()[0] === 0 && window.list.filled()");
            assertThat(tab.wrong()).isEmpty();
        }
    }
}
