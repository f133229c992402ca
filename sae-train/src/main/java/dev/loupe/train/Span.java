package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.loupe.base.UsageException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A part of a run: a share of it (0.05 or "5%"), or so many "steps" or "tokens" ("1000 steps", "10M tokens").
 *
 * @param amount the number
 * @param unit of what
 */
public record Span(double amount, Unit unit) {

    /** What a span is counted in. */
    public enum Unit {
        /** Share of the run, 0 to 1. */
        SHARE,
        /** Optimiser steps. */
        STEPS,
        /** Rows of training. */
        TOKENS
    }

    private static final Pattern TEXT =
            Pattern.compile("([0-9.]+(?:e[0-9]+)?)\\s*([kmb]?)\\s*(%|steps?|tokens?)?", Pattern.CASE_INSENSITIVE);

    /** Refuses what no run has. */
    public Span {
        if (!(amount >= 0) || Double.isInfinite(amount) || (unit == Unit.SHARE && amount > 1)) {
            throw new UsageException(
                    "A part of a run is a share from 0 to 1, or a number of steps or tokens; not " + amount + ".");
        }
    }

    /** A share of the run. */
    public static Span share(double share) {
        return new Span(share, Unit.SHARE);
    }

    /** A number of steps. */
    public static Span steps(double steps) {
        return new Span(steps, Unit.STEPS);
    }

    /** A number of rows. */
    public static Span tokens(double tokens) {
        return new Span(tokens, Unit.TOKENS);
    }

    /** Reads a number, which is a share, or a text such as {@code 1000 steps}, {@code 10M tokens} or {@code 5%}. */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    static Span of(Object value) {
        if (value instanceof Number n) {
            return share(n.doubleValue());
        }
        Matcher m = TEXT.matcher(String.valueOf(value).strip());
        if (!m.matches()) {
            throw new UsageException("\"" + value
                    + "\" is no part of a run: write a share such as 0.05 or 5%, \"1000 steps\" or \"10M tokens\".");
        }
        double number = Double.parseDouble(m.group(1))
                * switch (m.group(2).toLowerCase(Locale.ROOT)) {
                    case "k" -> 1e3;
                    case "m" -> 1e6;
                    case "b" -> 1e9;
                    default -> 1;
                };
        String unit = m.group(3) == null ? "" : m.group(3).toLowerCase(Locale.ROOT);
        if (unit.startsWith("step")) {
            return steps(number);
        }
        return unit.startsWith("token") ? tokens(number) : share(unit.equals("%") ? number / 100 : number);
    }

    /** A number for a share, otherwise a text that {@link #of} reads. */
    @JsonValue
    Object json() {
        String number = amount == Math.rint(amount) ? Long.toString((long) amount) : Double.toString(amount);
        return unit == Unit.SHARE ? (Object) amount : number + " " + unit.name().toLowerCase(Locale.ROOT);
    }

    /** The number of steps, not rounded, in a run of so many. */
    double steps(long runSteps, int batch) {
        return switch (unit) {
            case SHARE -> amount * runSteps;
            case STEPS -> amount;
            case TOKENS -> amount / batch;
        };
    }
}
