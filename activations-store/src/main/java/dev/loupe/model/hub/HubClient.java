package dev.loupe.model.hub;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.PrivateAddresses;
import java.io.IOException;
import java.io.InputStream;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The requests that fetching from a hub needs. Redirects are followed by hand: a token is for the hub's host alone. */
final class HubClient implements AutoCloseable {
    private static final int REDIRECTS = 8;
    private static final int TRIES = 4;
    private static final int LONGEST_ANSWER = 50_000_000;

    private final HubSettings settings;
    private final HubId id;
    private final Duration pause;
    private final HttpClient http;
    private final ProxySelector proxies;
    private final PrivateAddresses.Lookup lookup;

    /**
     * What the hub has of a repository at a revision.
     *
     * @param commit the commit
     * @param files every file's path
     */
    record Listing(String commit, List<String> files) {}

    /**
     * A file at a commit.
     *
     * @param address where it is asked for
     * @param etag names its content: SHA-256 of large files, Git's own checksum of small ones
     * @param size bytes; -1 if the hub does not say
     */
    record RemoteFile(String name, URI address, String etag, long size) {}

    /**
     * The requests about a repository.
     *
     * @param pause how long to wait before a second try; it doubles from try to try
     * @param lookup finds where a host is, before it is asked
     */
    HubClient(HubSettings settings, HubId id, Duration pause, PrivateAddresses.Lookup lookup) {
        this.lookup = lookup;
        this.settings = settings;
        this.id = id;
        this.pause = pause;
        HttpClient.Builder builder = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(Duration.ofSeconds(15));
        ProxySelector proxy = Proxies.of(System.getenv());
        ProxySelector usual = ProxySelector.getDefault();
        proxies = proxy != null ? proxy : usual != null ? usual : HttpClient.Builder.NO_PROXY;
        http = builder.proxy(proxies).build();
    }

    Listing list() {
        JsonNode json = json("/revision/" + URLEncoder.encode(id.revision(), StandardCharsets.UTF_8));
        String commit = json.path("sha").asString("");
        List<String> files = new ArrayList<>();
        json.path("siblings").forEach(s -> files.add(s.path("rfilename").asString("")));
        if (!commit.matches("[0-9a-f]{40}")) {
            throw new LoupeException("The answer of " + settings.host() + " for " + id + " names no commit.");
        }
        return new Listing(commit, files);
    }

    /**
     * An answer of the hub's API about the repository.
     *
     * @param path behind the repository's address in the API
     */
    JsonNode json(String path) {
        URI uri = URI.create(settings.endpoint() + "/api/" + id.kind().plural + "/" + id.repository() + path);
        HttpResponse<InputStream> response = send("GET", uri, 0);
        byte[] body;
        try (InputStream in = response.body()) {
            body = in.readNBytes(LONGEST_ANSWER);
        } catch (IOException e) {
            throw unreachable(e);
        }
        try {
            return Json.MAPPER.readTree(body);
        } catch (JacksonException e) {
            throw new LoupeException(
                    "The answer of " + settings.host() + " for " + id + " is no JSON: is HF_ENDPOINT="
                            + settings.endpoint() + " a model hub?",
                    e);
        }
    }

    RemoteFile describe(String commit, String file) {
        StringBuilder path = new StringBuilder();
        for (String part : file.split("/", -1)) {
            path.append('/')
                    .append(URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"));
        }
        URI uri = URI.create(
                settings.endpoint() + "/" + id.kind().before + id.repository() + "/resolve/" + commit + path);
        HttpResponse<InputStream> response = send("HEAD", uri, 0);
        close(response);
        String etag = header(response, "x-linked-etag", header(response, "etag", ""))
                .replaceFirst("^W/", "")
                .replace("\"", "");
        if (!etag.matches("[A-Za-z0-9._-]{1,128}") || etag.startsWith(".")) {
            throw new LoupeException("The answer of " + settings.host() + " for " + file + " of " + id
                    + " has no checksum (ETag): is HF_ENDPOINT=" + settings.endpoint() + " a model hub?");
        }
        String size = header(response, "x-linked-size", header(response, "content-length", "-1"));
        return new RemoteFile(file, uri, etag, size.matches("\\d{1,18}") ? Long.parseLong(size) : -1);
    }

    /** The content of a file from a byte on; the answer may begin at 0 all the same ({@code statusCode} 200, not 206). */
    HttpResponse<InputStream> content(RemoteFile file, long from) {
        return send("GET", file.address(), from);
    }

    private HttpResponse<InputStream> send(String method, URI first, long from) {
        IOException last = null;
        for (int i = 0; i < TRIES; i++) {
            if (i > 0) {
                sleep(pause.multipliedBy(1L << (i - 1)));
            }
            try {
                HttpResponse<InputStream> response = follow(method, first, from);
                int status = response.statusCode();
                if (status == 429 || status >= 500) {
                    close(response);
                    last = new IOException("it answered with status " + status);
                    continue;
                }
                if (status >= 400 && status != 416) {
                    close(response);
                    throw refused(status, header(response, "x-error-code", ""), first);
                }
                return response;
            } catch (IOException e) {
                last = e;
            }
        }
        throw unreachable(last);
    }

    private HttpResponse<InputStream> follow(String method, URI first, long from) throws IOException {
        URI uri = first;
        for (int i = 0; i < REDIRECTS; i++) {
            guard(uri);
            HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                    .timeout(Duration.ofSeconds(60))
                    .header("User-Agent", "loupe")
                    .header("Accept-Encoding", "identity")
                    .method(method, HttpRequest.BodyPublishers.noBody());
            String token = settings.token();
            if (token != null && sameHost(uri)) {
                request.header("Authorization", "Bearer " + token);
            }
            if (from > 0) {
                request.header("Range", "bytes=" + from + "-");
            }
            HttpResponse<InputStream> response;
            try {
                response = http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new LoupeException("Interrupted while " + settings.host() + " was asked.", e);
            }
            int status = response.statusCode();
            String location = header(response, "location", "");
            boolean described = method.equals("HEAD")
                    && !header(response, "x-linked-etag", "").isEmpty();
            if (status < 300 || status >= 400 || status == 304 || location.isEmpty() || described) {
                return response;
            }
            close(response);
            URI next = next(uri, location);
            boolean web = "https".equals(next.getScheme())
                    || "http".equals(next.getScheme()) && "http".equals(uri.getScheme());
            if (!web) {
                throw new LoupeException("The answer of " + settings.host() + " leads to " + next.getScheme() + "://"
                        + next.getHost() + ", which is not followed.");
            }
            uri = next;
        }
        throw new LoupeException("The answers of " + settings.host() + " for " + id + " lead from one to the next.");
    }

    private URI next(URI from, String location) {
        try {
            URI next = from.resolve(location);
            if (next.getHost() != null) {
                return next;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new LoupeException("The answer of " + settings.host() + " leads to an address that is none.");
    }

    /**
     * A hub on the internet leads to other hosts there, never into this machine or its network. A host that nobody knows
     * is not asked either: a moment later it might be known, and here. Behind a proxy it is the proxy that finds hosts.
     */
    private void guard(URI uri) throws UnknownHostException {
        if (sameHost(uri)) {
            return;
        }
        boolean led;
        try {
            led = PrivateAddresses.mayLead(settings.host(), uri.getHost(), lookup);
        } catch (UnknownHostException e) {
            if (proxies.select(uri).stream().anyMatch(p -> p.type() != Proxy.Type.DIRECT)) {
                return;
            }
            throw e;
        }
        if (!led) {
            throw new LoupeException("The answer of " + settings.host() + " leads to " + uri.getHost()
                    + ", an address inside this machine or its network, which is not followed.");
        }
    }

    private boolean sameHost(URI uri) {
        URI hub = URI.create(settings.endpoint());
        return hub.getScheme().equals(uri.getScheme())
                && String.valueOf(hub.getHost()).equals(uri.getHost())
                && hub.getPort() == uri.getPort();
    }

    private LoupeException refused(int status, String code, URI uri) {
        boolean gated = code.equals("GatedRepo");
        if (status == 404 || code.equals("RepoNotFound") || code.equals("RevisionNotFound")) {
            return new NotFoundException("There is no " + id.kind().word + " " + id + " on " + settings.host()
                    + (settings.token() == null ? ", or it is private and HF_TOKEN is not set." : "."));
        }
        if (status == 401 || status == 403 || gated) {
            return new LoupeException("The " + id.kind().word + " " + id
                    + (gated ? " is gated: accept its conditions on " : " is gated or private: ask for access on ")
                    + settings.endpoint() + "/" + id.kind().before + id.repository() + ", then "
                    + (settings.token() == null
                            ? "set HF_TOKEN to a token of your account (or log in with \"hf auth login\")."
                            : "use a token that may read it (HF_TOKEN)."));
        }
        return new LoupeException(
                "The answer of " + settings.host() + " for " + uri.getPath() + " is status " + status + ".");
    }

    LoupeException unreachable(@Nullable Exception e) {
        String reason = e == null ? "" : e instanceof HttpTimeoutException ? "no answer in time" : reason(e);
        return new LoupeException(
                "The hub " + settings.host() + " cannot be reached (" + reason
                        + "): check the network (HTTPS_PROXY, HF_ENDPOINT) and run the same again, or "
                        + (id.kind() == HubId.Kind.DATASET
                                ? "download the dataset elsewhere and name its files as --text"
                                : "copy the " + (id.kind() == HubId.Kind.MODEL ? "model" : "SAE")
                                        + "'s folder to this machine and give its path")
                        + "; what was fetched is kept.",
                e == null ? new IOException("no answer") : e);
    }

    private static String reason(Exception e) {
        String text = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        Throwable cause = e.getCause();
        return cause != null && e.getMessage() == null && cause.getMessage() != null ? cause.getMessage() : text;
    }

    private static String header(HttpResponse<?> response, String name, String otherwise) {
        return response.headers().firstValue(name).orElse(otherwise);
    }

    static void close(HttpResponse<InputStream> response) {
        try {
            response.body().close();
        } catch (IOException ignored) {
            // the connection is not used again
        }
    }

    static void sleep(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LoupeException("Interrupted while waiting for the hub.", e);
        }
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
