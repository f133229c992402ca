package dev.loupe.cluster;

import dev.loupe.cluster.spark.Wire;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Says in a sentence what Spark says in a log. */
final class SparkLog {
    private static final Pattern EXCEPTION =
            Pattern.compile("(?:Caused by: )?(?:[a-z]\\w*\\.)+[A-Z]\\w*(?:Exception|Error): (.+)");

    private static final Pattern DIAGNOSTICS = Pattern.compile("ERROR .*Diagnostics message: (.+)");
    private static final Pattern CAUSE = Pattern.compile("^Caused by: (.+)");
    private static final Pattern TOO_MANY =
            Pattern.compile("PodsLifecycleManager: Max number of executor failures \\(\\d+\\) reached");
    private static final Pattern PODS_REFUSED =
            Pattern.compile("Failure executing: POST at: \\S+/pods\\. Message: (.+?)\\.(?: Received status.*)?$");

    private static final int KEPT = 20;
    private static final long KEPT_MILLIS = TimeUnit.DAYS.toMillis(14);

    private SparkLog() {}

    /** What a driver's log gives as the reason of its end. */
    static String reason(Path log) {
        List<String> lines;
        try {
            lines = Files.readAllLines(log);
        } catch (IOException e) {
            return "no log";
        }
        if (lines.stream()
                .anyMatch(l -> l.contains("InvalidClassException") || l.contains("local class incompatible"))) {
            return "the cluster runs another version of Spark: set SPARK_HOME to that version";
        }
        if (lines.stream().anyMatch(l -> l.contains("All masters are unresponsive"))) {
            return "the master does not accept this version of Spark or has gone";
        }
        String pods = podsEnded(log, lines);
        if (!pods.isEmpty()) { // exceptions behind it are those of the end
            return pods;
        }
        List<String> found = new ArrayList<>();
        for (String line : lines) {
            Matcher m = EXCEPTION.matcher(line);
            if (m.find() && !PODS_REFUSED.matcher(line).find()) { // which Spark asks for again
                found.add(m.group(1).strip());
            }
        }
        return found.isEmpty()
                ? (lines.isEmpty() ? "no log" : plain(lines.getLast().strip()))
                : plain(found.getLast());
    }

    /** Inside of a sentence. */
    private static String plain(String reason) {
        return reason.endsWith(".") ? reason.substring(0, reason.length() - 1) : reason;
    }

    /** Why a cluster has ended an application of which it has said nothing but that: YARN tells the driver's log. */
    static String ended(Path log) {
        String last = "";
        try {
            List<String> lines = Files.readAllLines(log, StandardCharsets.ISO_8859_1);
            for (String line : lines) {
                Matcher said = DIAGNOSTICS.matcher(line);
                if (said.find()) {
                    return "YARN has ended the application: "
                            + plain(said.group(1).strip())
                            + (last.isEmpty() ? "" : "; the last container that failed said: " + plain(last));
                }
                Matcher m = CAUSE.matcher(line);
                last = m.find() ? m.group(1).strip() : last;
            }
            String pods = podsEnded(log, lines);
            if (!pods.isEmpty()) {
                return pods;
            }
        } catch (IOException e) {
            // spark-submit's own output says it
        }
        return Wire.ENDED;
    }

    /** What Spark gives as the reason why every attempt of a task failed: the innermost message, without its traces. */
    static String lost(String text) {
        String head = text.lines()
                .takeWhile(l -> !l.startsWith("\tat "))
                .map(String::strip)
                .filter(l -> !l.isEmpty())
                .collect(Collectors.joining(" "));
        Matcher m = EXCEPTION.matcher(head);
        String reason = m.find() ? m.group(1) : head.isEmpty() ? "no reason given" : head;
        return plain(reason);
    }

    /** Whether YARN has taken the application and has no room for it yet. */
    static boolean isQueued(Path log) {
        try {
            return Files.readString(log, StandardCharsets.ISO_8859_1).contains("state: ACCEPTED");
        } catch (IOException e) {
            return false;
        }
    }

    /** Why Spark has given Kubernetes up; empty if it has not: pods that are refused are no reason for any other end. */
    private static String podsEnded(Path log, List<String> lines) {
        if (lines.stream().noneMatch(l -> TOO_MANY.matcher(l).find())) {
            return "";
        }
        String refused = podsRefused(log);
        if (!refused.isEmpty()) {
            return "Kubernetes makes no more pods for it, " + refused
                    + ": ask for fewer or smaller ones with --conf spark.executor.instances=N,"
                    + " spark.executor.memoryOverhead and spark.executor.cores";
        }
        return "more executors failed within " + SparkCommand.FAILURES_WITHIN
                + " than spark.executor.maxNumFailures allows: if none ever began, look whether the image has"
                + " Spark 4.2 and can start";
    }

    /** Why Kubernetes makes no pod for Spark, as for a quota: Spark asks again for ever. Empty if it does not say. */
    static String podsRefused(Path log) {
        try (Stream<String> lines = Files.lines(log, StandardCharsets.ISO_8859_1)) {
            return lines.map(PODS_REFUSED::matcher)
                    .filter(Matcher::find)
                    .map(m -> m.group(1))
                    .reduce("", (a, b) -> b);
        } catch (IOException | UncheckedIOException e) {
            return "";
        }
    }

    /** Whether the reason why an executor was lost is that it took more memory than its container has. */
    static boolean isOutOfMemory(String reason) {
        return reason.contains("137") || reason.contains("memory limits") || reason.contains("OOMKilled");
    }

    /** Deletes old logs: those that are neither among the newest nor of the last days. */
    static void prune(Path logs) {
        try (Stream<Path> all = Files.list(logs)) {
            List<Path> old = all.filter(f -> String.valueOf(f.getFileName()).matches("spark-[0-9a-f-]{36}\\.log"))
                    .sorted(Comparator.comparing(SparkLog::modified).reversed())
                    .skip(KEPT)
                    .filter(f -> modified(f) < System.currentTimeMillis() - KEPT_MILLIS)
                    .toList();
            for (Path file : old) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // there is none yet, or it is in use
        }
    }

    private static long modified(Path file) {
        return file.toFile().lastModified();
    }
}
