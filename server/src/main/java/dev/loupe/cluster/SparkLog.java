package dev.loupe.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Says in a sentence what Spark says in a log. */
final class SparkLog {
    private static final Pattern EXCEPTION =
            Pattern.compile("(?:Caused by: )?(?:[a-z]\\w*\\.)+[A-Z]\\w*(?:Exception|Error): (.+)");

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
        List<String> found = new ArrayList<>();
        for (String line : lines) {
            Matcher m = EXCEPTION.matcher(line);
            if (m.find()) {
                found.add(m.group(1).strip());
            }
        }
        return found.isEmpty() ? (lines.isEmpty() ? "no log" : lines.getLast().strip()) : found.getLast();
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
        return reason.endsWith(".") ? reason.substring(0, reason.length() - 1) : reason;
    }
}
