package dev.loupe.http;

import dev.loupe.service.Views;
import java.net.URI;
import java.time.Instant;
import java.util.Set;
import java.util.function.LongSupplier;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * Stands before everything. A request whose Host is none of this server's names gets 403 (a foreign name that was made
 * to resolve to this machine must not reach it), as does a state-changing request or a WebSocket from a foreign page, and
 * whatever else a foreign page asks for but a link that a person follows; with tokens, requests without one get 401. Every
 * answer carries the security headers. What each check is for: {@code server/docs/threat-model.md}.
 */
final class Gate extends Handler.Wrapper {
    private static final String API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
    private static final String DOCS_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
            + " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
    /** Vaadin's client evaluates what the server sends; the pages themselves allow the scripts inside them one by one. */
    private static final String UI_POLICY = "default-src 'self'; script-src 'self' 'unsafe-eval';"
            + " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:;"
            + " connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

    private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS");

    private final Hosts hosts;
    private final Proxies proxies;
    private final @Nullable TokenFile tokens;
    private final RateLimit limit;
    private final Guesses guesses = new Guesses();
    private final LongSupplier clock;

    /**
     * A gate.
     *
     * @param hosts the names that the server answers to
     * @param proxies whose word is taken on where a request came from
     * @param tokens what requests must carry one of; null for none
     * @param perMinute requests a minute that change something or make the server work, for each token (without tokens:
     *     for each address); 0 for no limit
     * @param clock the time in nanoseconds, for what may be done so often a minute
     */
    Gate(Handler inside, Hosts hosts, Proxies proxies, @Nullable TokenFile tokens, int perMinute, LongSupplier clock) {
        super(inside);
        this.hosts = hosts;
        this.proxies = proxies;
        this.limit = new RateLimit(perMinute);
        this.tokens = tokens;
        this.clock = clock;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        String path = Request.getPathInContext(request);
        boolean api = path.equals("/api") || path.startsWith("/api/") || path.equals("/v1") || path.startsWith("/v1/");
        headers(response.getHeaders(), path, api);
        String host = request.getHeaders().get(HttpHeader.HOST);
        if (host == null || !hosts.has(host)) {
            return refuse(
                    request,
                    response,
                    callback,
                    403,
                    "This server answers to " + hosts + " only, and the request was for another host; start it with"
                            + " --host or set allowed-hosts to add a name.");
        }
        if (changes(request) ? foreign(request, host) : intrudes(request)) {
            return refuse(
                    request,
                    response,
                    callback,
                    403,
                    "The request comes from a page of another origin, which may not change or fetch anything here.");
        }
        String address = proxies.client(request);
        if (tokens == null) {
            boolean login = path.equals(Login.PATH) || path.equals(Login.OUT);
            if (login) {
                Unread.then(request, response, callback, () -> Response.sendRedirect(request, response, callback, "/"));
                return true;
            }
            return within(request, response, callback, api, address);
        }
        if (path.equals("/api/health")) {
            return within(request, response, callback, api, address);
        }
        return guarded(tokens.tokens(), request, response, callback, path, api, address);
    }

    private static void headers(HttpFields.Mutable headers, String path, boolean api) {
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("Referrer-Policy", "no-referrer");
        headers.put("X-Frame-Options", "DENY");
        headers.put("Cross-Origin-Opener-Policy", "same-origin");
        headers.put("Cross-Origin-Resource-Policy", "same-origin");
        headers.put(
                "Content-Security-Policy", path.startsWith("/api/docs") ? DOCS_POLICY : api ? API_POLICY : UI_POLICY);
    }

    /** With tokens: the cookie first, then the header, then the form and the address that give a cookie. */
    private boolean guarded(
            AccessTokens t,
            Request request,
            Response response,
            Callback callback,
            String path,
            boolean api,
            String address)
            throws Exception {
        long now = Instant.now().getEpochSecond();
        int number = t.numberOfCookie(Login.cookie(request.getHeaders()), now);
        if (path.equals(Login.OUT) && request.getMethod().equals("POST")) {
            Unread.then(request, response, callback, () -> Login.go(request, response, callback, "", Login.PATH));
            return true;
        }
        boolean login = path.equals(Login.PATH);
        boolean posted = login && request.getMethod().equals("POST");
        if (login && !posted) {
            boolean in = number >= 0;
            Unread.then(request, response, callback, () -> Login.page(response, callback, 200, "/", "", in));
            return true;
        }
        if (number >= 0 && !posted) {
            return within(request, response, callback, api, t.client(number));
        }
        Login.@Nullable Form form = posted ? Login.form(request) : null;
        String inAddress = api || posted ? null : Login.inAddress(request);
        String offered = form != null ? form.token() : inAddress != null ? inAddress : bearer(request);
        long wait = offered == null ? 0 : guesses.take(address, clock.getAsLong());
        if (wait > 0) {
            return later(request, response, callback, wait, "Too many wrong tokens are being tried;");
        }
        number = t.number(offered);
        if (number >= 0) {
            guesses.right(address);
        }
        if (number >= 0 && (form != null || inAddress != null)) {
            HttpURI uri = request.getHttpURI();
            String next = form != null ? form.next() : Login.local(uri.getPath());
            String cookie = t.cookie(number, now);
            Unread.then(request, response, callback, () -> Login.go(request, response, callback, cookie, next));
            return true;
        }
        if (number >= 0) {
            return within(request, response, callback, api, t.client(number));
        }
        if (posted) {
            String next = form == null ? "/" : form.next();
            String wrong = "That is not a token of this server.";
            Unread.then(request, response, callback, () -> Login.page(response, callback, 401, next, wrong, false));
            return true;
        }
        String accept = String.valueOf(request.getHeaders().get(HttpHeader.ACCEPT));
        if (!api && request.getMethod().equals("GET") && accept.contains("text/html")) {
            String next = Login.local(request.getHttpURI().getPathQuery());
            String back = inAddress == null ? next : "/";
            Unread.then(request, response, callback, () -> Login.page(response, callback, 401, back, "", false));
            return true;
        }
        response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
        return refuse(
                request,
                response,
                callback,
                401,
                "This server wants its access token: send \"Authorization: Bearer TOKEN\", or open /login once in the"
                        + " browser.");
    }

    private static @Nullable String bearer(Request request) {
        String authorization = request.getHeaders().get(HttpHeader.AUTHORIZATION);
        return authorization != null && authorization.regionMatches(true, 0, "Bearer ", 0, 7)
                ? authorization.substring(7).strip()
                : null;
    }

    private boolean within(Request request, Response response, Callback callback, boolean api, String client)
            throws Exception {
        boolean changes = api && !READING.contains(request.getMethod());
        long wait = changes ? limit.wait(client, clock.getAsLong()) : 0;
        if (wait > 0) {
            return later(request, response, callback, wait, Charge.sentence(limit.perMinute()));
        }
        new Charge(limit, client, clock).on(request);
        return super.handle(request, response, callback);
    }

    private static boolean later(Request request, Response response, Callback callback, long wait, String why) {
        response.getHeaders().put(HttpHeader.RETRY_AFTER, Long.toString(wait));
        return refuse(request, response, callback, 429, why + " try again in " + wait + " s.");
    }

    private static boolean changes(Request request) {
        return !READING.contains(request.getMethod()) || request.getHeaders().contains(HttpHeader.UPGRADE, "websocket");
    }

    private static boolean foreign(Request request, String host) {
        HttpFields headers = request.getHeaders();
        if (elsewhere(headers)) {
            return true;
        }
        String origin = headers.get(HttpHeader.ORIGIN);
        if (origin == null) {
            return false; // not a browser, or a page of this server
        }
        try {
            URI uri = URI.create(origin);
            return uri.getAuthority() == null || !uri.getAuthority().equalsIgnoreCase(host);
        } catch (IllegalArgumentException e) {
            return true;
        }
    }

    /** A foreign page that fetches or embeds something; a link that a person follows does not. */
    private static boolean intrudes(Request request) {
        HttpFields headers = request.getHeaders();
        boolean link = "navigate".equalsIgnoreCase(headers.get("Sec-Fetch-Mode"))
                && "document".equalsIgnoreCase(headers.get("Sec-Fetch-Dest"));
        return elsewhere(headers) && !link;
    }

    /** Whether the browser says that another site, or another port of this one, asks. */
    private static boolean elsewhere(HttpFields headers) {
        String site = headers.get("Sec-Fetch-Site");
        return "cross-site".equalsIgnoreCase(site) || "same-site".equalsIgnoreCase(site);
    }

    private static boolean refuse(Request request, Response response, Callback callback, int status, String detail) {
        String path = Request.getPathInContext(request);
        boolean openAi = path.equals("/v1") || path.startsWith("/v1/");
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, openAi ? "application/json" : Problem.MEDIA_TYPE);
        String body = Views.line(openAi ? OpenAiError.of(status, detail) : Problem.of(status, detail, path));
        Unread.then(request, response, callback, () -> Content.Sink.write(response, true, body, callback));
        return true;
    }
}
