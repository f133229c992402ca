package dev.loupe.service;

import dev.loupe.base.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * What may be shown to strangers of a log. A message may quote what somebody typed, so only those lines pass that are known
 * to hold none of it: a request's method, path, status and time; the head of any other line (time, level, place); the kinds
 * of exceptions and their stack, without what they say. Everything that is not recognised is dropped.
 */
final class LogExtract {
    private static final String LEVEL = "(?:TRACE|DEBUG|INFO|WARN|ERROR)";
    /** Threads are named by programs: one word, or two. */
    private static final String THREAD = "[\\w.#:@$-]{0,60}(?: [\\w.#:@$-]{1,60})?";

    private static final String NAME = "[\\w.$<>/@-]{0,200}";
    private static final Pattern HEAD = Pattern.compile("(\\d{4}-\\d\\d-\\d\\dT[\\d:.]{8,15} +" + LEVEL
            + " +\\d{1,10} \\[" + THREAD + "\\] (?:" + RequestId.FORM + " )?[\\w.$]{1,80}): (.*)");
    private static final Pattern REQUEST = Pattern.compile("[A-Z]{1,10} /[\\w./@:%~+-]* \\d{3} \\d+ ms(, broken off)?");
    /** A class with its package: a word that a sentence begins with has none. */
    private static final Pattern KIND = Pattern.compile("(?:Caused by: |Suppressed: )?"
            + "(?:[a-z_][a-z0-9_]{0,40}\\.){1,12}[A-Z][\\w$]{0,80}(?:Exception|Error|Throwable)(?=:|$)");
    /** One word names the method, one the file; behind them at most the jar: a sentence has spaces. */
    private static final Pattern FRAME = Pattern.compile(
            "\\s+at [\\w.$<>/@-]{1,300}\\((?:[\\w$-]{1,100}\\.(?:java|kt|scala|groovy)(?::\\d{1,7})?|Native Method|Unknown Source"
                    + "|<generated>|:-?\\d)\\)(?: ~?\\[[\\w.+!/-]{1,120}:[\\w.?+-]{1,40}\\])?|\\s+\\.\\.\\. \\d{1,5} (?:common frames omitted|more)");

    private LogExtract() {}

    /**
     * What passes of a log for people. Its lines are one entry each, or a frame of a stack: what is written to it has no
     * line ends of its own.
     */
    static List<String> of(List<String> log) {
        List<String> kept = new ArrayList<>();
        log.forEach(line -> plain(line, kept));
        return kept;
    }

    /** What passes of a structured log, a JSON object a line. */
    static List<String> ofObjects(List<String> log) {
        List<String> kept = new ArrayList<>();
        log.forEach(line -> object(line, kept));
        return kept;
    }

    private static void plain(String line, List<String> kept) {
        Matcher head = HEAD.matcher(line);
        if (head.matches()) {
            kept.add(head.group(1) + ": " + message(head.group(2)));
        } else if (FRAME.matcher(line).matches()) {
            kept.add(line);
        } else {
            kind(line.strip(), kept);
        }
    }

    private static void kind(String line, List<String> kept) {
        Matcher kind = KIND.matcher(line);
        if (kind.lookingAt()) {
            kept.add(kind.group());
        }
    }

    /** A line of the structured log. */
    private static void object(String line, List<String> kept) {
        JsonNode o;
        try {
            o = Json.MAPPER.readTree(line);
        } catch (JacksonException e) {
            return; // half a line, or none of ours
        }
        kept.add(field(o, "timestamp", "\\d{1,19}") + " " + field(o, "level", LEVEL) + " ["
                + field(o, "threadName", THREAD) + "] "
                + field(o.path("mdc"), RequestId.LOGGED, RequestId.FORM) + " "
                + field(o, "loggerName", NAME) + ": "
                + message(o.path("formattedMessage").asString("")));
        for (JsonNode t = o.path("throwable"); t.isObject(); t = t.path("cause")) {
            kept.add(field(t, "className", NAME));
            for (JsonNode frame : t.path("stepArray")) {
                kept.add("\tat " + field(frame, "className", NAME) + "." + field(frame, "methodName", NAME) + "("
                        + field(frame, "fileName", NAME) + ":" + field(frame, "lineNumber", "-?\\d{1,9}") + ")");
            }
        }
    }

    /** A field, if it looks as its kind does. */
    private static String field(JsonNode o, String name, String form) {
        String value = o.path(name).asString("-");
        return value.matches(form) ? value : "-";
    }

    private static String message(String text) {
        return REQUEST.matcher(text).matches() ? text : "(message left out)";
    }
}
