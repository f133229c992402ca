package dev.loupe.model.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where the hub is and what is kept of it, from the variables that Python's {@code huggingface_hub} reads.
 *
 * @param endpoint the hub's address, without a slash at the end
 * @param cache the folder of {@code models--owner--name}
 * @param token what opens private and gated models; null without one
 * @param offline whether nothing may be asked for over the network
 */
public record HubSettings(
        String endpoint, Path cache, @Nullable String token, boolean offline) {
    private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");

    /** The settings of these environment variables. */
    public static HubSettings of(Map<String, String> environment, Path home) {
        Path huggingFace = huggingFace(environment, home);
        Path cache = path(
                environment.getOrDefault("HF_HUB_CACHE", environment.get("HUGGINGFACE_HUB_CACHE")),
                huggingFace.resolve("hub"),
                home);
        String endpoint = environment.getOrDefault("HF_ENDPOINT", "").strip();
        String off = environment.getOrDefault("HF_HUB_OFFLINE", environment.getOrDefault("TRANSFORMERS_OFFLINE", ""));
        return new HubSettings(
                endpoint.isEmpty() ? "https://huggingface.co" : endpoint.replaceAll("/+$", ""),
                cache,
                token(environment, path(environment.get("HF_TOKEN_PATH"), huggingFace.resolve("token"), home)),
                YES.contains(off.strip().toUpperCase(Locale.ROOT)));
    }

    /** The folder of all that Hugging Face's libraries keep. */
    public static Path huggingFace(Map<String, String> environment, Path home) {
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path base = xdg.isBlank() ? home.resolve(".cache") : Path.of(xdg);
        return path(environment.get("HF_HOME"), base.resolve("huggingface"), home);
    }

    private static Path path(@Nullable String told, Path otherwise, Path home) {
        if (told == null || told.isBlank()) {
            return otherwise;
        }
        return told.startsWith("~/") ? home.resolve(told.substring(2)) : Path.of(told);
    }

    private static @Nullable String token(Map<String, String> environment, Path file) {
        String told = environment.getOrDefault("HF_TOKEN", environment.getOrDefault("HUGGING_FACE_HUB_TOKEN", ""));
        if (told.isBlank() && Files.isReadable(file)) {
            try {
                told = Files.readString(file);
            } catch (IOException e) {
                return null; // then as without one: the hub says so if it needs one
            }
        }
        String token = told.replaceAll("[\\r\\n]", "").strip();
        return token.isEmpty() ? null : token;
    }

    /** The host of the hub, for messages. */
    String host() {
        String host = URI.create(endpoint).getHost();
        return host == null ? endpoint : host;
    }

    /** Without the token: settings may be logged. */
    @Override
    public String toString() {
        return "HubSettings[" + endpoint + ", " + cache + (offline ? ", offline]" : "]");
    }
}
