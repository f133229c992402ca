package dev.loupe.cli;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.model.hub.Proxies;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * Gets PyTorch's library for this machine on the first start of a release, by its place in Maven's central repository and
 * its checksum. The launcher calls it before the product itself starts, with four arguments: path in the repository,
 * SHA-256, length, and the file to make.
 */
public final class NativeFetch {
    static final String CENTRAL = "https://repo.maven.apache.org/maven2";

    /** Another repository, or a folder of the same layout ({@code file:///mnt/m2}) where there is no network. */
    static final String VARIABLE = "LOUPE_MAVEN_URL";

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private NativeFetch() {}

    /** Fetches and exits: 0 done, 1 failed. */
    public static void main(String[] args) {
        System.exit(run(System.err, System.getenv(), args));
    }

    static int run(PrintStream err, Map<String, String> environment, String... args) {
        String path = args[0];
        Path target = Path.of(args[3]);
        String from = environment.getOrDefault(VARIABLE, "").strip();
        URI uri = URI.create((from.isEmpty() ? CENTRAL : from.replaceFirst("/+$", "")) + "/" + path);
        try {
            err.println("First start on this machine: fetching PyTorch's library (" + Fmt.bytes(Long.parseLong(args[2]))
                    + ") from " + (uri.getHost() == null ? uri.getPath() : uri.getHost()) + " to " + target.getParent()
                    + " ...");
            fetch(uri, environment, target, args[1], Long.parseLong(args[2]));
            return Failures.DONE;
        } catch (LoupeException e) {
            err.println(e.getMessage());
            return Failures.FAILED;
        }
    }

    private static void fetch(URI uri, Map<String, String> environment, Path target, String sum, long size) {
        Path part = AtomicFiles.temporary(target);
        try {
            Files.createDirectories(target.toAbsolutePath().getParent());
            try (InputStream in = open(uri, environment);
                    OutputStream out = Files.newOutputStream(part)) {
                long at = 0;
                byte[] buffer = new byte[1 << 16];
                for (int n; (n = in.read(buffer)) > 0; ) {
                    at += n;
                    if (at > size) {
                        break; // it cannot be the file any more; the checksum says so
                    }
                    out.write(buffer, 0, n);
                }
            }
            String actual = Checksums.sha256(part);
            if (!actual.equals(sum)) {
                throw new LoupeException("What " + uri + " sent is not the library (its SHA-256 is "
                        + actual.substring(0, 16) + "..., " + sum.substring(0, 16) + "... is wanted); nothing was kept,"
                        + " run the same command again.");
            }
            AtomicFiles.sync(part);
            AtomicFiles.publish(part, target);
        } catch (IOException e) {
            throw new LoupeException(
                    "PyTorch's library could not be fetched from " + uri + " ("
                            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
                            + "): check the network or HTTPS_PROXY, or give " + VARIABLE
                            + " a repository that can be reached (a folder too: file:///...), or put the file into "
                            + target.getParent() + " yourself.",
                    e);
        } finally {
            try {
                Files.deleteIfExists(part);
            } catch (IOException ignored) {
                // its name says that it is half a file
            }
        }
    }

    private static InputStream open(URI uri, Map<String, String> environment) throws IOException {
        if ("file".equals(uri.getScheme())) {
            return Files.newInputStream(Path.of(uri));
        }
        HttpClient.Builder client =
                HttpClient.newBuilder().connectTimeout(PATIENCE).followRedirects(HttpClient.Redirect.NORMAL);
        ProxySelector proxy = Proxies.of(environment);
        if (proxy != null) {
            client.proxy(proxy);
        }
        try {
            HttpResponse<InputStream> answer =
                    client.build().send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofInputStream());
            if (answer.statusCode() != 200) {
                answer.body().close();
                throw new IOException("answer " + answer.statusCode());
            }
            return answer.body();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }
}
