package dev.loupe.http;

import dev.loupe.base.Markup;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** The page where a person gives the access token once, and the cookie that their browser has from then on. No script. */
final class Login {
    /** The name of the cookie. */
    static final String COOKIE = "loupe-token";

    /** Where the page is. */
    static final String PATH = "/login";

    /** Where a browser is made to forget the cookie. */
    static final String OUT = "/logout";

    private static final int LONGEST_FORM = 4096;
    private static final String STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:18vh auto;"
            + "padding:0 1rem;color-scheme:light dark}h1{font-size:1.3rem}input,button{font:inherit;padding:.5rem .7rem;"
            + "width:100%;box-sizing:border-box;margin-top:.5rem}p[role=alert]{color:#b3261e;font-weight:600}"
            + "@media(prefers-color-scheme:dark){p[role=alert]{color:#f2b8b5}}";
    /** Nothing but this page's own style and its form. */
    static final String POLICY = "default-src 'none'; style-src 'sha256-" + sha256(STYLE)
            + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    private Login() {}

    /** What a form said: the token, and where to go then. */
    record Form(String token, String next) {}

    /** The form of a request; null if it is none, or longer than a form is. */
    static @Nullable Form form(Request request) throws java.io.IOException {
        String type = String.valueOf(request.getHeaders().get(HttpHeader.CONTENT_TYPE));
        long length = request.getLength();
        if (!type.startsWith("application/x-www-form-urlencoded") || length < 0 || length > LONGEST_FORM) {
            return null;
        }
        String text = Content.Source.asString(request, StandardCharsets.UTF_8);
        Map<String, String> fields = new HashMap<>();
        try {
            for (String pair : text.split("&")) {
                String[] parts = pair.split("=", 2);
                fields.put(parts[0], parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
            }
        } catch (IllegalArgumentException e) {
            return null; // % and no two digits behind it
        }
        String token = fields.get("token");
        return new Form(token == null ? "" : token.strip(), local(fields.get("next")));
    }

    /** The token in an address; null if there is none. */
    static @Nullable String inAddress(Request request) {
        try {
            return Request.extractQueryParameters(request).getValue("token");
        } catch (IllegalArgumentException | IllegalStateException e) {
            return null; // % and no two digits behind it, or more parameters than anybody has
        }
    }

    /** An address of this server, whatever was asked for: nobody is sent elsewhere. */
    static String local(@Nullable String path) {
        return path != null
                        && path.matches("/(?![/\\\\])[\\x21-\\x7e&&[^\\\\<>\"]]{0,2000}")
                        && !path.startsWith(PATH)
                        && !path.startsWith(OUT)
                ? path
                : "/";
    }

    /** The cookie in a request; null if there is none. */
    static @Nullable String cookie(HttpFields headers) {
        for (HttpField field : headers) {
            if (field.getHeader() == HttpHeader.COOKIE && field.getValue() != null) {
                for (String pair : field.getValue().split(";")) {
                    String[] parts = pair.strip().split("=", 2);
                    if (parts.length == 2 && parts[0].equals(COOKIE)) {
                        return parts[1];
                    }
                }
            }
        }
        return null;
    }

    /** Gives the browser a cookie (one without value is forgotten at once) and sends it on. */
    static void go(Request request, Response response, Callback callback, String cookie, String next) {
        boolean secure = request.isSecure()
                || "https".equalsIgnoreCase(request.getHeaders().get("X-Forwarded-Proto"));
        Response.addCookie(
                response,
                HttpCookie.build(COOKIE, cookie)
                        .path("/")
                        .maxAge(cookie.isEmpty() ? 0 : AccessTokens.COOKIE_SECONDS)
                        .httpOnly(true)
                        .secure(secure)
                        .sameSite(HttpCookie.SameSite.STRICT)
                        .build());
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        Response.sendRedirect(request, response, callback, 303, next, false);
    }

    /** The page that asks for the token, or, to whoever is in already, offers to leave. */
    static void page(Response response, Callback callback, int status, String next, String problem, boolean in) {
        HttpFields.Mutable headers = response.getHeaders();
        headers.put("Content-Security-Policy", POLICY);
        headers.put("Referrer-Policy", "same-origin"); // without it a form comes from the origin "null"
        headers.put(HttpHeader.CACHE_CONTROL, "no-store");
        headers.put(HttpHeader.CONTENT_TYPE, "text/html; charset=utf-8");
        response.setStatus(status);
        String body = in
                ? "<p>This browser is signed in.</p><form method=\"post\" action=\"" + OUT
                        + "\"><button>Sign out</button></form><p><a href=\"/\">Go on to Loupe</a></p>"
                : (problem.isEmpty() ? "" : "<p role=\"alert\">" + Markup.escaped(problem) + "</p>")
                        + "<form method=\"post\" action=\"" + PATH + "\"><input type=\"hidden\" name=\"next\" value=\""
                        + Markup.escaped(next) + "\"><label for=\"token\">Access token</label>"
                        + "<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\""
                        + " required autofocus><button>Sign in</button></form><p>It is in the file that the server was"
                        + " started with (<code>--token-file</code>).</p>";
        Content.Sink.write(
                response,
                true,
                "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\""
                        + " content=\"width=device-width, initial-scale=1\"><title>Loupe: sign in</title><style>"
                        + STYLE + "</style></head><body><main><h1>Loupe</h1>" + body + "</main></body></html>",
                callback);
    }

    private static String sha256(String text) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
