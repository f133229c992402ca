package dev.loupe.cluster;

import dev.loupe.base.Progress;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Tells of attempts that failed on some machine and are made elsewhere: the same fault of one machine once a minute. */
final class Attempts {
    private static final long PAUSE_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int MOST = 100;

    private final Map<String, Long> told = new HashMap<>();
    private final Map<String, Integer> silent = new HashMap<>();

    /**
     * Takes one.
     *
     * @param text the machine in the first line, then why
     */
    void take(String text, Progress progress) {
        String[] part = text.split("\n", 2);
        String reason = SparkLog.lost(part.length > 1 ? part[1] : "");
        // the same fault names another file every time
        String fault = part[0] + " " + reason.replaceAll("/\\S+|[0-9a-f-]{8,}|\\d+", "");
        Long last = told.get(fault);
        long now = System.nanoTime();
        if (last != null && now - last < PAUSE_NANOS || last == null && told.size() >= MOST) {
            silent.merge(fault, 1, Integer::sum);
            return;
        }
        told.put(fault, now);
        Integer more = silent.remove(fault);
        progress.message("An attempt on " + part[0] + " failed (" + reason + (more == null ? "" : "; " + more + " more")
                + "): Spark makes the task again.");
    }
}
