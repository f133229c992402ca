package dev.loupe.bench;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.service.Workbench;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What the benchmarks of pages share: a feature index to look at, and a Chromium to look with. */
final class BrowsedIndex {
    private static final String HOOK = "blocks.3.hook_resid_post";

    private BrowsedIndex() {}

    /** Captures the embedded model's activations and indexes a random TopK SAE of so many latents on them. */
    static void generate(Workbench bench, String sae, int latents, long tokens) {
        bench.stores()
                .capture(
                        CaptureRequest.of(
                                sae,
                                bench.workspace().activations(),
                                "builtin",
                                "builtin:europarl",
                                List.of(HOOK),
                                tokens),
                        Progress.silent());
        float[][] d = SaeData.directions(1, latents, 0.5);
        SaeWeights weights = new SaeWeights(
                Matrix.copyOf(d), Matrix.copyOf(d), new float[latents], new float[SaeData.WIDTH], new float[0]);
        SaeConfig config = new SaeConfig(Architecture.TOPK, SaeData.K, false, "builtin", HOOK, Map.of());
        SaeProvenance unknown = SaeProvenance.unknown();
        new Sae(sae, config, weights, unknown).save(bench.workspace().saes().resolve(sae));
        bench.features().build(sae, new dev.loupe.service.IndexSpec(List.of(sae), sae, null), Progress.silent());
    }

    static Playwright playwright() {
        return Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    }

    static Browser launch(Playwright playwright) {
        return playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(chromium())
                        .setArgs(List.of("--no-sandbox", "--disable-gpu", "--disable-background-networking")));
    }

    private static Path chromium() {
        String told = System.getenv().getOrDefault("CHROMIUM", "");
        if (!told.isEmpty()) {
            return Path.of(told);
        }
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            for (String name : List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")) {
                Path program = Path.of(folder, name);
                if (Files.isExecutable(program)) {
                    return program;
                }
            }
        }
        throw new LoupeException(
                "There is no Chromium for the benchmarks of pages: install one, or name it in CHROMIUM.");
    }

    /** The value that 95 % do not exceed. */
    static double p95(double[] values) {
        double[] sorted = values.clone();
        java.util.Arrays.sort(sorted);
        return sorted[Math.max(0, (int) Math.ceil(0.95 * sorted.length) - 1)];
    }
}
