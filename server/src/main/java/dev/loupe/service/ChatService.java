package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.PrivateAddresses;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * An OpenAI-compatible chat service that the settings name. Its address comes from whoever runs the server, never from a
 * request; redirects are not followed; the key is sent to that address alone and appears in no message and no log.
 */
final class ChatService {
    private static final int LONGEST_ANSWER = 1 << 20;

    private final HttpClient client = HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
    private final URI address;
    private final String model;
    private final @Nullable String key;
    private final boolean anywhere;

    /** A service that may be on this machine, and elsewhere only on the internet. */
    ChatService(String url, String model, @Nullable String key) {
        this(url, model, key, false);
    }

    /**
     * A service.
     *
     * @param url its base, such as {@code http://localhost:11434/v1}
     * @param key sent as a bearer token; null for none
     * @param anywhere whether it may be at a private address that is not this machine
     */
    ChatService(String url, String model, @Nullable String key, boolean anywhere) {
        URI base;
        try {
            base = URI.create(url.strip().replaceAll("/+$", ""));
        } catch (IllegalArgumentException e) {
            throw new UsageException(
                    "The setting label-url is no address; it should look like http://localhost:11434/v1.");
        }
        boolean http = "http".equals(base.getScheme());
        if (base.getHost() == null || !(http || "https".equals(base.getScheme())) || base.getUserInfo() != null) {
            throw new UsageException(
                    "The setting label-url must be http://HOST/... or https://HOST/... without a password"
                            + " in it; the key goes into LOUPE_LABEL_KEY.");
        }
        boolean local = local(base.getHost());
        if (http && !local && key != null) {
            throw new UsageException("The key for labels would travel unencrypted to " + base.getHost()
                    + ": give label-url with https.");
        }
        if (model.isBlank()) {
            throw new UsageException("Which model shall write labels? Set label-model.");
        }
        this.address = URI.create(base + "/chat/completions");
        this.model = model;
        this.key = key;
        this.anywhere = anywhere;
    }

    private static boolean local(String host) {
        return List.of("localhost", "127.0.0.1", "[::1]").contains(host);
    }

    /** Looked at before every question: a name may lead elsewhere from one moment to the next. */
    private void guard() {
        String host = address.getHost();
        if (!anywhere && !local(host) && PrivateAddresses.leadsTo(host)) {
            throw new LoupeException("The service for labels at " + host + " is at an address inside this machine's"
                    + " network: set label-private to true if it is meant to be asked.");
        }
    }

    String model() {
        return model;
    }

    /** One answer, at temperature 0. */
    String ask(String system, String user, int mostTokens) {
        guard();
        Map<String, Object> body = Map.of(
                "model",
                model,
                "temperature",
                0,
                "max_tokens",
                mostTokens,
                "messages",
                List.of(Map.of("role", "system", "content", system), Map.of("role", "user", "content", user)));
        HttpRequest.Builder request = HttpRequest.newBuilder(address)
                .timeout(Duration.ofSeconds(120))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(Views.line(body)));
        if (key != null) {
            request.header("Authorization", "Bearer " + key);
        }
        try {
            HttpResponse<InputStream> r = send(request.build());
            String text;
            try (InputStream in = r.body()) {
                text = new String(in.readNBytes(LONGEST_ANSWER), StandardCharsets.UTF_8);
            }
            if (r.statusCode() != 200) {
                throw new LoupeException("The service for labels at " + address.getHost() + " answered with status "
                        + r.statusCode() + ": look at label-url, label-model and LOUPE_LABEL_KEY.");
            }
            JsonNode content = Views.JSON
                    .readTree(text)
                    .path("choices")
                    .path(0)
                    .path("message")
                    .path("content");
            if (!content.isString() || content.asString().isBlank()) {
                throw new LoupeException(
                        "The service for labels at " + address.getHost() + " gave no text: it may not be compatible.");
            }
            return content.asString();
        } catch (JacksonException e) {
            throw new LoupeException("The service for labels at " + address.getHost() + " did not answer in JSON.");
        } catch (IOException e) {
            throw new LoupeException(
                    "The service for labels at " + address.getHost() + " cannot be reached ("
                            + e.getClass().getSimpleName() + ").",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new dev.loupe.base.CancelledException();
        }
    }

    /** Sends a question, once more where a connection that was kept from the last one turned out to be closed. */
    private HttpResponse<InputStream> send(HttpRequest request) throws IOException, InterruptedException {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofInputStream());
        } catch (HttpTimeoutException | ConnectException e) {
            throw e; // asking again would take as long, or find nobody again
        } catch (IOException e) {
            return client.send(request, HttpResponse.BodyHandlers.ofInputStream());
        }
    }
}
