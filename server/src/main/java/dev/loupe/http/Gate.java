package dev.loupe.http;

import dev.loupe.service.Views;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.jspecify.annotations.Nullable;

/**
 * Stands before everything. A request whose Host is none of this server's names gets 403 (a foreign name that was made
 * to resolve to this machine must not reach it), as does a state-changing request or a WebSocket from a foreign page;
 * with a token, requests without it get 401. Every answer carries the security headers.
 */
final class Gate extends Handler.Wrapper {
    static final String COOKIE = "loupe-token";

    private static final String API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";
    private static final String DOCS_POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
            + " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
    /** Vaadin's client starts from inline scripts and evaluates what the server sends. */
    private static final String UI_POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval';"
            + " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:;"
            + " connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

    private static final Set<String> READING = Set.of("GET", "HEAD", "OPTIONS");

    private final Set<String> hosts = new TreeSet<>(List.of("localhost", "127.0.0.1", "[::1]"));
    private final byte @Nullable [] token;
    private final RateLimit limit;

    /**
     * A gate.
     *
     * @param host the address the server was told to listen on
     * @param token what requests must carry; null for none
     * @param perMinute requests a minute that each client may send to {@code /v1} and, if they change something, to
     *     {@code /api}; 0 for no limit
     */
    Gate(Handler inside, String host, @Nullable String token, int perMinute) {
        super(inside);
        String name = host.toLowerCase(Locale.ROOT);
        hosts.add(name.contains(":") && !name.startsWith("[") ? "[" + name + "]" : name);
        this.limit = new RateLimit(perMinute);
        this.token = token == null ? null : token.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        String path = Request.getPathInContext(request);
        HttpFields.Mutable headers = response.getHeaders();
        boolean api = path.equals("/api") || path.startsWith("/api/") || path.equals("/v1") || path.startsWith("/v1/");
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("Referrer-Policy", "no-referrer");
        headers.put("X-Frame-Options", "DENY");
        headers.put("Cross-Origin-Opener-Policy", "same-origin");
        headers.put("Cross-Origin-Resource-Policy", "same-origin");
        headers.put(
                "Content-Security-Policy", path.startsWith("/api/docs") ? DOCS_POLICY : api ? API_POLICY : UI_POLICY);

        String host = request.getHeaders().get(HttpHeader.HOST);
        if (host == null || !hosts.contains(name(host))) {
            return refuse(
                    request,
                    response,
                    callback,
                    403,
                    "This server answers to " + String.join(", ", hosts)
                            + " only, and the request was for another host; start it with --host to add a name.");
        }
        if (changes(request) && foreign(request, host)) {
            return refuse(
                    request,
                    response,
                    callback,
                    403,
                    "The request comes from a page of another origin, which may not change anything here.");
        }
        if (token != null && !path.equals("/api/health")) {
            if (offered(request.getHeaders())) {
                return within(request, response, callback, api);
            }
            Fields query = Request.extractQueryParameters(request);
            if (!api && matches(query.getValue("token"))) {
                return welcome(request, response, callback);
            }
            headers.put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
            return refuse(
                    request,
                    response,
                    callback,
                    401,
                    "This server wants its access token: send \"Authorization: Bearer TOKEN\", or open /?token=TOKEN once"
                            + " in the browser.");
        }
        return within(request, response, callback, api);
    }

    private boolean within(Request request, Response response, Callback callback, boolean api) throws Exception {
        boolean works = api && !READING.contains(request.getMethod());
        long wait = works ? limit.wait(Request.getRemoteAddr(request), System.nanoTime()) : 0;
        if (wait > 0) {
            response.getHeaders().put(HttpHeader.RETRY_AFTER, Long.toString(wait));
            return refuse(
                    request,
                    response,
                    callback,
                    429,
                    "Too many requests: this server takes " + limit.perMinute() + " a minute from each client; try"
                            + " again in " + wait + " s.");
        }
        return super.handle(request, response, callback);
    }

    private static boolean changes(Request request) {
        return !READING.contains(request.getMethod()) || request.getHeaders().contains(HttpHeader.UPGRADE, "websocket");
    }

    private static boolean foreign(Request request, String host) {
        HttpFields headers = request.getHeaders();
        if ("cross-site".equalsIgnoreCase(headers.get("Sec-Fetch-Site"))) {
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

    /** The name in a Host header, without the port. */
    private static String name(String host) {
        int colon = host.lastIndexOf(':');
        boolean port =
                colon >= 0 && host.indexOf(']', colon) < 0 && (host.startsWith("[") || host.indexOf(':') == colon);
        return (port ? host.substring(0, colon) : host).toLowerCase(Locale.ROOT);
    }

    private boolean offered(HttpFields headers) {
        String authorization = headers.get(HttpHeader.AUTHORIZATION);
        if (authorization != null && authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            return matches(authorization.substring(7).strip());
        }
        for (HttpField field : headers) {
            if (field.getHeader() == HttpHeader.COOKIE && field.getValue() != null) {
                for (String pair : field.getValue().split(";")) {
                    String[] parts = pair.strip().split("=", 2);
                    if (parts.length == 2 && parts[0].equals(COOKIE) && matches(parts[1])) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private boolean matches(@Nullable String offered) {
        return token != null
                && offered != null
                && MessageDigest.isEqual(token, offered.getBytes(StandardCharsets.UTF_8));
    }

    /** Turns the token in the address into a cookie, and takes it out of the address. */
    private boolean welcome(Request request, Response response, Callback callback) {
        String value = token == null ? "" : new String(token, StandardCharsets.UTF_8);
        Response.addCookie(
                response,
                HttpCookie.build(COOKIE, value)
                        .path("/")
                        .httpOnly(true)
                        .sameSite(HttpCookie.SameSite.STRICT)
                        .build());
        HttpURI uri = request.getHttpURI();
        Response.sendRedirect(request, response, callback, uri.getPath() == null ? "/" : uri.getPath());
        return true;
    }

    private static boolean refuse(Request request, Response response, Callback callback, int status, String detail) {
        String path = Request.getPathInContext(request);
        boolean openAi = path.equals("/v1") || path.startsWith("/v1/");
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, openAi ? "application/json" : Problem.MEDIA_TYPE);
        String body = Views.line(openAi ? OpenAiError.of(status, detail) : Problem.of(status, detail, path));
        Content.Sink.write(response, true, body, callback);
        return true;
    }
}
