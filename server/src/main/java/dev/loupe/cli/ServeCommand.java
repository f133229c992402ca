package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.http.LoupeServer;
import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The server: API and web pages. */
@Command(name = "serve", description = "Starts the server: web pages, HTTP API and OpenAI-compatible routes.")
final class ServeCommand extends LoupeCommand {
    @Option(names = "--port", paramLabel = "N", description = "Port; 0 takes any free one (default: 7070).")
    private @Nullable Integer port;

    @Option(names = "--host", paramLabel = "H", description = "Address to listen on (default: 127.0.0.1).")
    private @Nullable String host;

    @Option(
            names = "--token-file",
            paramLabel = "F",
            description = "File with access tokens, one a line; every request must carry one.")
    private @Nullable Path tokenFile;

    @Override
    void run(Session session) throws InterruptedException {
        session.with(Settings.Key.PORT, port).with(Settings.Key.HOST, host).with(Settings.Key.TOKEN_FILE, tokenFile);
        serve(session, Map.of());
    }

    /** Serves until the process is stopped; {@code more} joins the JSON that says where. */
    static void serve(Session session, Map<String, Object> more) throws InterruptedException {
        Workbench bench = session.workbench();
        Settings settings = bench.settings();
        String token = settings.get(Settings.Key.TOKEN_FILE);
        String address = settings.get(Settings.Key.HOST);
        if (token.isEmpty() && !loopback(address)) {
            throw new UsageException("Anybody who reaches " + address + " could read and change this workspace: give"
                    + " --token-file with an access token, or leave out --host.");
        }
        LoupeServer server = LoupeServer.start(
                bench,
                new LoupeServer.Options(
                        address,
                        settings.number(Settings.Key.PORT),
                        token.isEmpty() ? null : Path.of(token),
                        token.isEmpty() ? 0 : settings.number(Settings.Key.RATE_LIMIT),
                        settings.list(Settings.Key.ALLOWED_HOSTS),
                        settings.list(Settings.Key.TRUSTED_PROXIES)));
        Runtime.getRuntime().addShutdownHook(new Thread(server::close, "stop"));
        Map<String, Object> json = new LinkedHashMap<>(more);
        json.put("url", server.url());
        json.put("port", server.port());
        session.result(json, () -> session.out.println(server.url()));
        server.join();
    }

    private static boolean loopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }
}
