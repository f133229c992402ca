package dev.loupe.store;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** How many files a process can have mapped: the kernel's limit, which a store of very many shards meets. */
final class MappedFiles {
    private static final Path LIMIT = Path.of("/proc/sys/vm/max_map_count");

    /** What else a process maps: libraries, heap, other stores. */
    private static final long OTHERS = 4_000;

    private MappedFiles() {}

    /** Refuses a store that has more files than can be mapped, before the first is. */
    static void check(String store, long files) {
        check(store, files, limit(LIMIT));
    }

    static void check(String store, long files, long limit) {
        if (files > limit - OTHERS) {
            throw new LoupeException("The store " + store + " has " + files
                    + " files, but this machine's kernel lets a process map " + limit
                    + ": raise it (sudo sysctl vm.max_map_count=" + Math.max(262_144, 2 * files)
                    + "), or capture with a larger --shard-rows.");
        }
    }

    /** The limit of a kernel that has one. */
    static long limit(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] text = new byte[64]; // in one piece: such a file is empty behind its first read
            int n = Math.max(0, in.read(text));
            return Long.parseLong(new String(text, 0, n, StandardCharsets.US_ASCII).strip());
        } catch (IOException | NumberFormatException none) {
            return Long.MAX_VALUE;
        }
    }
}
