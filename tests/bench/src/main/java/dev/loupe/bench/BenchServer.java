package dev.loupe.bench;

import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;

/** A server of this process on a workspace, which is made where it is not there, and on a free port. */
final class BenchServer implements AutoCloseable {
    private final Workbench workbench;
    private final LoupeServer server;

    /**
     * Starts it.
     *
     * @param first fills the workspace before anybody is let in
     */
    BenchServer(Path workspace, Consumer<Workbench> first) {
        workbench = new Workbench(
                Workspace.create(workspace),
                Settings.load(Map.of(Settings.Key.WORKSPACE, workspace.toString()), Map.of()));
        try {
            first.accept(workbench);
            server = LoupeServer.start(workbench, new LoupeServer.Options("127.0.0.1", 0, null));
        } catch (RuntimeException e) {
            workbench.close();
            throw e;
        }
    }

    Workbench workbench() {
        return workbench;
    }

    /** Its address by number: looking up a name would be measured, too. */
    String url() {
        return "http://127.0.0.1:" + server.port();
    }

    @Override
    public void close() {
        server.close();
        workbench.close();
    }
}
