package dev.loupe.steer;

import dev.loupe.base.UsageException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which positions of a text an edit touches. Positions count tokens from 0, a beginning-of-sequence token included;
 * the first generated token has the position after the prompt's last.
 *
 * @param kind the rule
 * @param from first position of a range
 * @param to last position of a range, inclusive
 */
record Positions(Kind kind, int from, int to) {
    /** The rules. */
    enum Kind {
        ALL,
        PROMPT,
        GENERATED,
        RANGE
    }

    private static final Pattern RANGE = Pattern.compile("(\\d{1,9})-(\\d{1,9})");

    static Positions parse(String text) {
        switch (text) {
            case "all":
                return new Positions(Kind.ALL, 0, Integer.MAX_VALUE);
            case "prompt":
                return new Positions(Kind.PROMPT, 0, Integer.MAX_VALUE);
            case "generated":
                return new Positions(Kind.GENERATED, 0, Integer.MAX_VALUE);
            default:
        }
        Matcher m = RANGE.matcher(text);
        if (!m.matches()) {
            throw new UsageException(
                    "Positions \"" + text + "\" are none of all, prompt, generated or A-B (for example 2-5).");
        }
        int from = Integer.parseInt(m.group(1));
        int to = Integer.parseInt(m.group(2));
        if (from > to) {
            throw new UsageException("Positions " + text + " end before they begin; write " + to + "-" + from + ".");
        }
        return new Positions(Kind.RANGE, from, to);
    }

    boolean covers(int position, int promptLength) {
        return switch (kind) {
            case ALL -> true;
            case PROMPT -> position < promptLength;
            case GENERATED -> position >= promptLength;
            case RANGE -> position >= from && position <= to;
        };
    }
}
