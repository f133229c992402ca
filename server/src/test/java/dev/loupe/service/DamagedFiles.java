package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Mutation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Damages files one after the other and sees that each is read or refused in a sentence. */
final class DamagedFiles {
    private static final long PATIENCE_NS = 30_000_000_000L;

    private final Map<String, int[]> counts = new TreeMap<>();
    private final Map<String, Long> nanos = new TreeMap<>();
    private final List<String> wrong = new ArrayList<>();

    /** Reads all that a damaged file is a part of. */
    @FunctionalInterface
    interface Reader {
        void read() throws Exception;
    }

    /** A file to damage, and how it is read. */
    record Target(String kind, Path file, byte[] whole, boolean json, Reader reader) {
        static Target of(String kind, Path file, Reader reader) throws IOException {
            return new Target(
                    kind, file, Files.readAllBytes(file), file.toString().matches(".*\\.jsonl?"), reader);
        }
    }

    /** Damages a file, has it read, and puts it right again. */
    void damage(Target t, Cases.Random random) throws IOException {
        Files.write(t.file(), t.json() ? Mutation.json(t.whole(), random) : Mutation.bytes(t.whole(), random));
        int[] n = counts.computeIfAbsent(t.kind(), k -> new int[2]);
        n[0]++;
        String what = t.file() + " (case " + random.index() + ")";
        long start = System.nanoTime();
        try {
            t.reader().read();
        } catch (LoupeException e) {
            n[1]++;
            String said = String.valueOf(e.getMessage());
            if (said.length() > 2000 || said.isBlank()) {
                wrong.add(what + " is refused with: " + said);
            }
            for (Throwable c = e; c != null; c = c.getCause()) {
                if (c.getSuppressed().length > 0) { // something that was not closed or given back
                    wrong.add(what + " is refused, but " + c.getSuppressed()[0]);
                }
            }
        } catch (Exception | StackOverflowError | OutOfMemoryError e) {
            wrong.add(what + ": " + e + " at "
                    + Arrays.stream(e.getStackTrace())
                            .filter(f -> f.getClassName().startsWith("dev.loupe"))
                            .limit(3)
                            .toList());
        } finally {
            Files.write(t.file(), t.whole());
        }
        nanos.merge(t.kind(), System.nanoTime() - start, Long::sum);
        if (System.nanoTime() - start > PATIENCE_NS) {
            wrong.add(what + " took " + (System.nanoTime() - start) / 1e9 + " s");
        }
    }

    /** What was not as it should be; says how many files of each kind there were. */
    List<String> wrong() {
        counts.forEach((kind, n) -> System.out.printf(
                "%d damaged files of the kind %s: %d refused (%.1f s)%n", n[0], kind, n[1], nanos.get(kind) / 1e9));
        return wrong;
    }

    /** The kinds of files that were damaged. */
    Set<String> kinds() {
        return counts.keySet();
    }
}
