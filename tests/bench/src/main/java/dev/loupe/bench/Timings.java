package dev.loupe.bench;

import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;

/** How long many clients at once waited, by what they waited for, and what they were refused. */
final class Timings {
    private static final int TOLD = 20;

    private final Map<String, Queue<Double>> waits = new ConcurrentSkipListMap<>();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();

    /** Something came, {@code asked} being when it was asked for ({@link System#nanoTime}). */
    void came(String kind, long asked) {
        waits.computeIfAbsent(kind, k -> new ConcurrentLinkedQueue<>()).add((System.nanoTime() - asked) / 1e6);
    }

    /** Something did not come; the first ones are told at once. */
    void failed(String kind, Throwable e) {
        String line = kind + ": " + e;
        failures.add(line);
        if (failures.size() <= TOLD) {
            System.err.println(line);
        }
    }

    /** What did not come. */
    List<String> failures() {
        return List.copyOf(failures);
    }

    /** Every kind that came. */
    List<String> kinds() {
        return List.copyOf(waits.keySet());
    }

    /** How often it came. */
    int count(String kind) {
        return waits.getOrDefault(kind, new ConcurrentLinkedQueue<>()).size();
    }

    /** A quantile of the waits, in milliseconds; NaN if nothing came. */
    double quantile(String kind, double q) {
        double[] sorted = waits.getOrDefault(kind, new ConcurrentLinkedQueue<>()).stream()
                .mapToDouble(x -> x)
                .sorted()
                .toArray();
        return sorted.length == 0
                ? Double.NaN
                : sorted[(int) Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
    }

    /** Forgets all. */
    void clear() {
        waits.clear();
        failures.clear();
    }
}
