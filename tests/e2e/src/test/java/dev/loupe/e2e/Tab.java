package dev.loupe.e2e;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** A tab of the one headless browser; keeps everything that went wrong in it. */
final class Tab implements AutoCloseable {
    private static Browser browser;

    private final BrowserContext context;
    private final Page page;
    private final List<String> wrong = new CopyOnWriteArrayList<>();

    private Tab(BrowserContext context) {
        this.context = context;
        this.page = context.newPage();
        page.onConsoleMessage(m -> {
            if (m.type().equals("error")) {
                wrong.add("console: " + m.text());
            }
        });
        page.onPageError(e -> wrong.add("script: " + e));
        page.onRequestFailed(r -> {
            // leaving a page ends its push connection
            if (!r.url().contains("/VAADIN/push") && !r.url().contains("v-r=")) {
                wrong.add("failed: " + r.method() + " " + r.url() + " " + r.failure());
            }
        });
        page.onResponse(r -> {
            if (r.status() >= 400) {
                wrong.add(r.status() + ": " + r.url());
            }
        });
    }

    /** Opens a tab of this size. */
    static synchronized Tab open(int width, int height) {
        if (browser == null) {
            Playwright playwright = Playwright.create(
                    new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
            browser = playwright
                    .chromium()
                    .launch(new BrowserType.LaunchOptions()
                            .setExecutablePath(Chromium.program())
                            .setArgs(List.of("--no-sandbox", "--disable-gpu", "--disable-background-networking")));
            PlaywrightAssertions.setDefaultAssertionTimeout(20_000); // a model may have to be read first
            Runtime.getRuntime().addShutdownHook(new Thread(playwright::close));
        }
        Tab tab = new Tab(browser.newContext(new Browser.NewContextOptions().setViewportSize(width, height)));
        tab.page.setDefaultTimeout(30_000);
        return tab;
    }

    /** Goes to a path of the server. */
    Page go(String path) {
        page.navigate(RealWorkspace.get().url() + path);
        page.locator("main.page").waitFor();
        return page;
    }

    Page page() {
        return page;
    }

    /** Console errors, script errors, failed requests and answers of 400 and above, in order. */
    List<String> wrong() {
        return wrong;
    }

    @Override
    public void close() {
        context.close();
    }
}
