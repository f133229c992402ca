package dev.loupe.bench;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
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
final class BrowseBench implements Benchmark {
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
    private @Nullable Workbench workbench;
    private @Nullable LoupeServer server;
    private @Nullable Playwright playwright;
    private @Nullable Page page;
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
    public double tolerance() {
        return Double.POSITIVE_INFINITY;
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        String known = System.getenv("LOUPE_BROWSE_WORKSPACE");
        Workspace workspace =
                known == null ? Workspace.create(folder.resolve("workspace")) : Workspace.create(Path.of(known));
        workbench = new Workbench(workspace, Settings.load(Map.of(), Map.of()));
        if (known == null) {
            BrowsedIndex.generate(workbench, sae, LATENTS, tokens);
        }
        server = LoupeServer.start(workbench, new LoupeServer.Options("127.0.0.1", 0, null));
        playwright = BrowsedIndex.playwright();
        Browser browser = BrowsedIndex.launch(playwright);
        page = browser.newContext(new Browser.NewContextOptions().setViewportSize(1280, 900))
                .newPage();
    }

    @Override
    public Measured run() {
        Page p = Objects.requireNonNull(page);
        int last = Objects.requireNonNull(workbench).features().index(sae).size() - 1;
        if (next + STEPS > last) {
            next = 0;
        }
        p.navigate("http://127.0.0.1:" + Objects.requireNonNull(server).port() + "/features/" + sae + "/" + next);
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
        if (playwright != null) {
            playwright.close();
        }
        if (server != null) {
            server.close();
        }
        if (workbench != null) {
            workbench.close();
        }
    }
}
