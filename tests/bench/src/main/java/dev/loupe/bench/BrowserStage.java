package dev.loupe.bench;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A workspace with a feature index, a server on it, and a page of a Chromium that looks at it. */
final class BrowserStage implements AutoCloseable {
    private final Workbench workbench;
    private final LoupeServer server;
    private final Playwright playwright;
    private final Page page;

    /**
     * Sets it up; an index that is not there is made.
     *
     * @param folder for a workspace of its own
     * @param known the workspace to look at in its place; null for none
     * @param sae the SAE whose index is looked at
     * @param latents of a made index
     * @param tokens of a made index
     */
    BrowserStage(Path folder, @Nullable String known, String sae, int latents, long tokens) {
        Workspace workspace = Workspace.create(known == null ? folder.resolve("workspace") : Path.of(known));
        workbench = new Workbench(workspace, Settings.load(Map.of(), Map.of()));
        if (!workbench.features().indexed().contains(sae)) {
            BrowsedIndex.generate(workbench, sae, latents, tokens);
        }
        server = LoupeServer.start(workbench, new LoupeServer.Options("127.0.0.1", 0, null));
        playwright = BrowsedIndex.playwright();
        page = BrowsedIndex.launch(playwright)
                .newContext(new Browser.NewContextOptions().setViewportSize(1280, 900))
                .newPage();
    }

    Workbench workbench() {
        return workbench;
    }

    /** The page, led to an address of the server. */
    Page open(String path) {
        page.navigate("http://127.0.0.1:" + server.port() + path);
        return page;
    }

    @Override
    public void close() {
        playwright.close();
        server.close();
        workbench.close();
    }
}
