package dev.loupe.steer;

import dev.loupe.base.UsageException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much of an edit there is at each token: a factor f, and the edited value becomes a + f·(a′ − a). Tokens count from
 * 0 with the first generated one; the prompt has the factor of that first token.
 *
 * <pre>
 * ramp A-B   0 up to token A, rising evenly to 1 at token B
 * fade A-B   1 up to token A, falling evenly to 0 at token B
 * decay N    halved every N tokens
 * every N    1 at every N-th token, 0 between
 * first N    1 at the first N tokens, then 0
 * </pre>
 *
 * @param kind the rule
 * @param from its first number
 * @param to its second number, or the first again
 */
record Schedule(Kind kind, int from, int to) {
    /** The rules. */
    enum Kind {
        CONSTANT,
        RAMP,
        FADE,
        DECAY,
        EVERY,
        FIRST
    }

    /** Always whole. */
    static final Schedule CONSTANT = new Schedule(Kind.CONSTANT, 0, 0);

    private static final Pattern RANGE = Pattern.compile("(ramp|fade) (\\d{1,6})-(\\d{1,6})");
    private static final Pattern NUMBER = Pattern.compile("(decay|every|first) (\\d{1,6})");

    static Schedule parse(String text) {
        Matcher range = RANGE.matcher(text);
        if (range.matches()) {
            int from = Integer.parseInt(range.group(2));
            int to = Integer.parseInt(range.group(3));
            if (from >= to) {
                throw new UsageException("The schedule \"" + text + "\" must end after it begins.");
            }
            return new Schedule(range.group(1).equals("ramp") ? Kind.RAMP : Kind.FADE, from, to);
        }
        Matcher number = NUMBER.matcher(text);
        if (number.matches() && Integer.parseInt(number.group(2)) > 0) {
            int n = Integer.parseInt(number.group(2));
            return new Schedule(
                    switch (number.group(1)) {
                        case "decay" -> Kind.DECAY;
                        case "every" -> Kind.EVERY;
                        default -> Kind.FIRST;
                    },
                    n,
                    n);
        }
        throw new UsageException("The schedule \"" + text
                + "\" is none of ramp A-B, fade A-B, decay N, every N and first N (for example \"ramp 0-20\").");
    }

    /** The factor at a position of the text. */
    double factor(int position, int promptLength) {
        int t = Math.max(0, position - promptLength);
        return switch (kind) {
            case CONSTANT -> 1;
            case RAMP -> clamp((double) (t - from) / (to - from));
            case FADE -> 1 - clamp((double) (t - from) / (to - from));
            case DECAY -> Math.pow(0.5, (double) t / from);
            case EVERY -> t % from == 0 ? 1 : 0;
            case FIRST -> t < from ? 1 : 0;
        };
    }

    private static double clamp(double x) {
        return Math.max(0, Math.min(1, x));
    }
}
