package dev.loupe.bench;

import com.microsoft.playwright.Page;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * From one feature's page to the next by the key j, in a real Chromium over a real server: until the new page is painted,
 * and what of it the server took. The index is that of a random TopK SAE on the embedded model's activations;
 * {@code LOUPE_BROWSE_TOKENS} changes how many, {@code LOUPE_BROWSE_WORKSPACE} and {@code LOUPE_BROWSE_SAE} name a finished
 * index to walk through in its place.
 */
final class BrowseBench implements LoneBenchmark {
    private static final int LATENTS = 16_384;
    private static final int STEPS = 40;

    /** Presses j and waits until the next feature is there: heading, drawn examples, and the frame behind them. */
    private static final String STEP = """
            async () => {
              const old = document.querySelector('#examples'), from = location.pathname;
              performance.clearResourceTimings();
              const start = performance.now();
              document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true, cancelable: true }));
              for (;;) {
                await new Promise(requestAnimationFrame);
                const now = document.querySelector('#examples');
                if (now && now !== old && location.pathname !== from && now.querySelector('.ex, [role=note]')
                    && document.querySelector('h1').textContent.startsWith(location.pathname.split('/').pop() + ' ')) break;
                if (performance.now() - start > 10000) throw new Error('the next feature did not come');
              }
              await new Promise(requestAnimationFrame);
              const painted = performance.now() - start;
              const server = performance.getEntriesByType('resource').filter(r => r.name.includes('v-r=uidl'))
                .reduce((most, r) => Math.max(most, r.responseStart - r.requestStart), 0);
              return [painted, server];
            }""";

    private final long tokens = Long.parseLong(env("LOUPE_BROWSE_TOKENS", "1000000"));
    private final String sae = env("LOUPE_BROWSE_SAE", "browse");
    private final List<Double> paintedP95 = new ArrayList<>();
    private final List<Double> serverP95 = new ArrayList<>();
    private @Nullable BrowserStage stage;
    private int next;

    private static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    @Override
    public String name() {
        return "browse";
    }

    @Override
    public String setting() {
        return "feature to feature by the key j in Chromium, " + STEPS + " pages a run, "
                + (System.getenv("LOUPE_BROWSE_WORKSPACE") == null
                        ? LATENTS + " random latents on " + tokens + " tokens"
                        : sae + " of " + System.getenv("LOUPE_BROWSE_WORKSPACE"));
    }

    @Override
    public String unit() {
        return "pages/s";
    }

    @Override
    public void prepare(Path folder) {
        stage = new BrowserStage(folder, System.getenv("LOUPE_BROWSE_WORKSPACE"), sae, LATENTS, tokens);
    }

    @Override
    public Measured run() {
        BrowserStage s = Objects.requireNonNull(stage);
        int last = s.workbench().features().index(sae).size() - 1;
        if (next + STEPS > last) {
            next = 0;
        }
        Page p = s.open("/features/" + sae + "/" + next);
        p.locator("#examples").waitFor();
        p.waitForTimeout(500);
        double[] painted = new double[STEPS];
        double[] answered = new double[STEPS];
        double sum = 0;
        for (int i = 0; i < STEPS; i++) {
            List<?> times = (List<?>) p.evaluate(STEP);
            painted[i] = ((Number) times.get(0)).doubleValue();
            answered[i] = ((Number) times.get(1)).doubleValue();
            sum += painted[i];
            p.waitForTimeout(150); // nobody reads a page in less
        }
        next += STEPS;
        paintedP95.add(BrowsedIndex.p95(painted));
        serverP95.add(BrowsedIndex.p95(answered));
        return new Measured(STEPS, sum / 1000, next);
    }

    @Override
    public Map<String, List<Double>> beside() {
        Map<String, List<Double>> beside = new LinkedHashMap<>();
        beside.put("ms to painted, p95", paintedP95);
        beside.put("ms of the server, p95", serverP95);
        return beside;
    }

    @Override
    public void close() {
        if (stage != null) {
            stage.close();
        }
    }
}
