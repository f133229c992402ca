package dev.loupe.corpus;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The files of one dataset on the Hugging Face hub and in its cache on this machine. */
final class HubFiles {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Map<String, String> environment;
    private final String dataset;

    HubFiles(Map<String, String> environment, String dataset) {
        this.environment = environment;
        this.dataset = dataset;
    }

    private Path home() {
        String home = environment.getOrDefault("HF_HOME", "");
        return home.isBlank() ? Path.of(System.getProperty("user.home"), ".cache", "huggingface") : Path.of(home);
    }

    /** Where the hub's own library keeps the dataset. */
    Path cacheFolder() {
        String cache = environment.getOrDefault("HF_HUB_CACHE", "");
        Path hub = cache.isBlank() ? home().resolve("hub") : Path.of(cache);
        return hub.resolve("datasets--" + dataset.replace("/", "--"));
    }

    /** Where downloads of a split are kept. */
    Path folder(String config, String split) {
        return home().resolve("loupe")
                .resolve("datasets--" + dataset.replace("/", "--"))
                .resolve(config)
                .resolve(split);
    }

    /** An answer of the hub's API. */
    JsonNode json(String path) {
        String address = endpoint() + "/" + path;
        try (HttpClient client = client()) {
            HttpResponse<String> answer = client.send(request(address).build(), HttpResponse.BodyHandlers.ofString());
            check(address, answer.statusCode());
            return Json.MAPPER.readTree(answer.body());
        } catch (IOException | JacksonException e) {
            throw unreachable(address, e);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    /**
     * Downloads a file unless it is there; goes on where an earlier download stopped.
     *
     * @throws LoupeException if the hub cannot be reached; what arrived is kept
     */
    Path download(String address, Path file) {
        if (Files.isRegularFile(file)) {
            return file;
        }
        Path part = file.resolveSibling("." + file.getFileName() + ".part");
        try (HttpClient client = client()) {
            Files.createDirectories(file.toAbsolutePath().getParent());
            long have = Files.exists(part) ? Files.size(part) : 0;
            HttpRequest.Builder request = request(address);
            if (have > 0) {
                request.header("Range", "bytes=" + have + "-");
            }
            HttpResponse<InputStream> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            try (InputStream body = answer.body()) {
                boolean whole = have > 0 && answer.statusCode() == 416; // nothing is missing
                if (!whole) {
                    check(address, answer.statusCode());
                    boolean append = answer.statusCode() == 206;
                    long expected =
                            answer.headers().firstValueAsLong("Content-Length").orElse(-1);
                    long got = save(body, part, append);
                    if (expected >= 0 && got != expected) {
                        throw new IOException("the connection ended after " + got + " of " + expected + " bytes");
                    }
                }
            }
            AtomicFiles.sync(part);
            AtomicFiles.publish(part, file);
            return file;
        } catch (IOException e) {
            throw unreachable(address, e);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private static long save(InputStream body, Path part, boolean append) throws IOException {
        try (var out = Files.newOutputStream(
                part,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                append ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING)) {
            return body.transferTo(out);
        }
    }

    private HttpClient client() {
        String offline = environment.getOrDefault("HF_HUB_OFFLINE", "0");
        if (!offline.isBlank() && !offline.equals("0") && !offline.equalsIgnoreCase("false")) {
            throw new LoupeException("The dataset " + dataset
                    + " is not in the cache, and HF_HUB_OFFLINE forbids to download it: unset it, or download the"
                    + " dataset elsewhere and copy it to " + cacheFolder() + ", or name its files as --text.");
        }
        return HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NORMAL)
                .connectTimeout(PATIENCE)
                .build();
    }

    private HttpRequest.Builder request(String address) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(address)).timeout(PATIENCE);
        String token = environment.getOrDefault("HF_TOKEN", "");
        if (!token.isBlank() && address.startsWith(endpoint())) {
            request.header("Authorization", "Bearer " + token);
        }
        return request;
    }

    private String endpoint() {
        String endpoint = environment.getOrDefault("HF_ENDPOINT", "");
        String base = endpoint.isBlank() ? "https://huggingface.co" : endpoint;
        return base.endsWith("/") ? base.substring(0, base.length() - 1) : base;
    }

    private void check(String address, int status) {
        if (status == 401 || status == 403) {
            throw new LoupeException("The hub does not give the dataset " + dataset
                    + " to strangers: set HF_TOKEN to a token of an account that may read it.");
        }
        if (status == 404) {
            throw new LoupeException("The hub has no dataset " + dataset + " with Parquet files (" + address + ").");
        }
        if (status != 200 && status != 206) {
            throw new LoupeException("The hub answered " + status + " to " + address + "; try again later.");
        }
    }

    private LoupeException unreachable(String address, Exception e) {
        String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new LoupeException(
                "The dataset " + dataset + " is not in the cache, and " + address + " could not be read (" + why
                        + "): connect to the network and run the same again (what arrived is kept), or download the dataset"
                        + " elsewhere and copy it to " + cacheFolder() + ", or name its files as --text.",
                e);
    }

    private static RuntimeException interrupted() {
        Thread.currentThread().interrupt();
        return new dev.loupe.base.CancelledException();
    }
}
