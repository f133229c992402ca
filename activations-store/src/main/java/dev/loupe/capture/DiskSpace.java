package dev.loupe.capture;

import dev.loupe.base.Fmt;
import dev.loupe.base.FreeSpace;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Says before the work that the disk will not do, rather than after half of it. */
final class DiskSpace {
    private static final int TABLE_BYTES_PER_ROW = 32; // token and sequence tables

    private DiskSpace() {}

    /** Bytes that a store will take, roughly. */
    static long needed(CaptureRequest request, CapturePlan plan) {
        long row = TABLE_BYTES_PER_ROW;
        for (var hook : plan.spec().hooks().values()) {
            row += (long) hook.width() * hook.dtype().bytes();
            row += hook.width() / 8; // validity bits
        }
        return Math.multiplyExact(row, request.tokens());
    }

    /** Compares what is needed with what is free, counting what an interrupted run has written already. */
    static void check(CaptureRequest request, CapturePlan plan) {
        try {
            Files.createDirectories(request.storesDir());
            long free = FreeSpace.of(request.storesDir());
            long needed = needed(request, plan);
            if (free < needed && free + written(request) < needed) {
                throw new LoupeException(
                        "The disk of " + request.storesDir() + " is too full for this capture: it needs about "
                                + Fmt.bytes(needed) + " and " + Fmt.bytes(free)
                                + " are free; free some space, ask for fewer tokens, or use --dtype bf16.");
            }
        } catch (IOException e) {
            throw new LoupeException(
                    "The folder " + request.storesDir() + " cannot be used (" + e.getMessage() + ").", e);
        }
    }

    private static long written(CaptureRequest request) throws IOException {
        Path partial = request.folder().resolveSibling("." + request.name() + ".partial");
        if (!Files.isDirectory(partial)) {
            return 0;
        }
        try (Stream<Path> files = Files.walk(partial)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(f -> f.toFile().length())
                    .sum();
        }
    }
}
