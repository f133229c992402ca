package dev.loupe.bench;

import com.microsoft.playwright.Page;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The list of a hundred thousand features in a real Chromium over a real server: how long frames take while it is scrolled
 * as with a wheel, how long until the rows are there after a jump to anywhere (a drag of the scroll bar), and what of that
 * the server took. {@code LOUPE_SCROLL_WORKSPACE} and {@code LOUPE_SCROLL_SAE} name a finished index in place of a made one.
 */
final class ScrollBench implements LoneBenchmark {
    private static final int LATENTS = 102_400;
    private static final long TOKENS = 20_000;
    private static final int JUMPS = 25;

    /** Opens nothing: finds the grid's scroller and the rows that are seen. */
    private static final String TOOLS = """
            window.loupeScroll = {
              grid: document.querySelector('vaadin-grid'),
              get table() { return this.grid.shadowRoot.querySelector('#table'); },
              // rows within the viewport, those whose content has not come yet counted
              empty() {
                const box = this.table.getBoundingClientRect();
                let seen = 0, empty = 0;
                for (const row of this.grid.shadowRoot.querySelectorAll('#items tr:not([hidden])')) {
                  const r = row.getBoundingClientRect();
                  if (r.bottom <= box.top + 40 || r.top >= box.bottom) continue;
                  seen++;
                  if (row.hasAttribute('loading') || row.getAttribute('part')?.includes('loading-row')) empty++;
                }
                return [seen, empty];
              },
              frame() { return new Promise(requestAnimationFrame); },
            };
            """;

    /** Scrolls by a wheel's step in each frame for some seconds; answers the times between frames. */
    private static final String WHEEL = """
            async () => {
              const s = window.loupeScroll, times = [];
              await s.frame();
              let last = performance.now(), blank = 0;
              for (let i = 0; i < 240; i++) {
                s.table.scrollTop += 120;
                await s.frame();
                const now = performance.now();
                times.push(now - last);
                last = now;
                blank += s.empty()[1] > 0 ? 1 : 0;
              }
              return { times, blank: blank / 240 };
            }""";

    /** Jumps to a share of the list and waits until every row seen has its content. */
    private static final String JUMP = """
            async share => {
              const s = window.loupeScroll;
              performance.clearResourceTimings();
              const start = performance.now();
              s.table.scrollTop = share * (s.table.scrollHeight - s.table.clientHeight);
              await s.frame();
              for (;;) {
                await s.frame();
                const [seen, empty] = s.empty();
                if (seen > 5 && empty === 0) break;
                if (performance.now() - start > 10000) throw new Error('the rows did not come');
              }
              const server = performance.getEntriesByType('resource').filter(r => r.name.includes('v-r=uidl'))
                .reduce((most, r) => Math.max(most, r.responseStart - r.requestStart), 0);
              return [performance.now() - start, server];
            }""";

    private final String sae = System.getenv().getOrDefault("LOUPE_SCROLL_SAE", "wide");
    private final Beside beside = new Beside();
    private @Nullable BrowserStage stage;

    @Override
    public String name() {
        return "scroll";
    }

    @Override
    public String setting() {
        return "the list of " + LATENTS + " features in Chromium: 240 steps of 120 pixels, " + JUMPS + " jumps";
    }

    @Override
    public String unit() {
        return "frames/s";
    }

    @Override
    public void prepare(Path folder) {
        stage = new BrowserStage(folder, System.getenv("LOUPE_SCROLL_WORKSPACE"), sae, LATENTS, TOKENS);
    }

    @Override
    public Measured run() {
        long start = System.nanoTime();
        Page p = Objects.requireNonNull(stage).open("/features/" + sae + "?dead=1");
        p.locator("#features vaadin-grid").waitFor();
        p.waitForFunction("document.querySelector('#features .filters')?.textContent.includes('features')");
        beside.add("ms to the page", (System.nanoTime() - start) / 1e6);
        p.locator("#features").scrollIntoViewIfNeeded();
        p.waitForTimeout(1000);
        p.evaluate(TOOLS);
        Map<?, ?> wheel = (Map<?, ?>) p.evaluate(WHEEL);
        List<?> times = (List<?>) Objects.requireNonNull(wheel.get("times"));
        double[] frames =
                times.stream().mapToDouble(t -> ((Number) t).doubleValue()).toArray();
        double sum = java.util.Arrays.stream(frames).sum();
        beside.add("ms a frame, p95", BrowsedIndex.p95(frames));
        beside.add("ms the longest frame", java.util.Arrays.stream(frames).max().orElse(0));
        beside.add(
                "share of frames with an empty row",
                ((Number) Objects.requireNonNull(wheel.get("blank"))).doubleValue());
        double[] filled = new double[JUMPS];
        double[] answered = new double[JUMPS];
        for (int i = 0; i < JUMPS; i++) {
            List<?> jump = (List<?>) p.evaluate(JUMP, (i * 0.618034) % 1);
            filled[i] = ((Number) jump.get(0)).doubleValue();
            answered[i] = ((Number) jump.get(1)).doubleValue();
            p.waitForTimeout(50);
        }
        beside.add("ms from a jump to rows, p95", BrowsedIndex.p95(filled));
        beside.add("ms of the server, p95", BrowsedIndex.p95(answered));
        return new Measured(frames.length, sum / 1000, frames.length);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        if (stage != null) {
            stage.close();
        }
    }
}
