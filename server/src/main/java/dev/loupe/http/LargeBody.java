package dev.loupe.http;

import dev.loupe.base.UsageException;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Bodies beyond the size of ordinary requests. They come into a file, few at a time and not for ever, and are read from there
 * one after another: what all clients together can fill is some disk and the memory of one.
 */
final class LargeBody {
    private static final int AT_ONCE = 2;
    private static final long LONGEST_NS = TimeUnit.MINUTES.toNanos(10);
    /** A link of a graph has eight: a million links. What this many make of memory is some hundreds of megabytes at worst. */
    private static final long MOST_TOKENS = 8_000_000;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxTokenCount(MOST_TOKENS)
                            .build())
                    .build())
            .build();

    private final long most;
    private final String otherwise;
    private final Semaphore coming = new Semaphore(AT_ONCE);
    private final Semaphore reading = new Semaphore(1);

    /**
     * Bodies of one route.
     *
     * @param most bytes
     * @param otherwise what to do with a larger one
     */
    LargeBody(long most, String otherwise) {
        this.most = most;
        this.otherwise = otherwise;
    }

    /** Reads a request's body, and does something with it before the next one is read. */
    <T> T with(Context ctx, Function<JsonNode, T> use) {
        if (ctx.req().getContentLengthLong() > most) {
            throw tooLarge();
        }
        if (!coming.tryAcquire()) {
            throw new Declined(503, AT_ONCE + " large requests are being received already; try again in a moment.", 5);
        }
        try {
            Path file = Files.createTempFile("loupe-body", ".json");
            try {
                receive(ctx, file);
                reading.acquire();
                try (InputStream in = Files.newInputStream(file)) {
                    return use.apply(MAPPER.readTree(in));
                } finally {
                    reading.release();
                }
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Declined(503, "The server is stopping.", 5);
        } finally {
            coming.release();
        }
    }

    private void receive(Context ctx, Path file) throws IOException {
        long start = System.nanoTime();
        long all = 0;
        byte[] buffer = new byte[1 << 16];
        InputStream in = ctx.bodyInputStream();
        try (OutputStream out = Files.newOutputStream(file)) {
            for (int n; (n = in.read(buffer)) >= 0; all += n) {
                if (all + n > most) {
                    throw tooLarge();
                }
                if (System.nanoTime() - start > LONGEST_NS) {
                    throw new Declined(408, "The request did not come within ten minutes.", 0);
                }
                out.write(buffer, 0, n);
            }
        }
        if (all == 0) {
            throw new UsageException("The request has no body; this route takes a JSON object.");
        }
    }

    private Declined tooLarge() {
        return new Declined(413, "The body is larger than " + (most >> 20) + " MiB: " + otherwise, 0);
    }
}
