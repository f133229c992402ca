package dev.loupe.cluster;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Waiting for something of Spark: after a short while it is said what for, after the longest wait it is given up. */
final class Waiting {
    /** Setting of Spark's kind for the longest wait for executors; without it the wait lasts until it is cancelled. */
    static final String LONGEST = "spark.loupe.wait";

    /** Spark itself begins within this, or its master does not answer. */
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);

    private static final long SHORT_NANOS = TimeUnit.SECONDS.toNanos(15);

    private final Progress progress;
    private final long begin = System.nanoTime();
    private final long quiet;
    private final Set<String> said = new HashSet<>();

    /**
     * Begins now.
     *
     * @param longAlready whether to say at once what is waited for
     */
    Waiting(Progress progress, boolean longAlready) {
        this.progress = progress;
        this.quiet = longAlready ? 0 : SHORT_NANOS;
    }

    private long nanos() {
        return System.nanoTime() - begin;
    }

    /** Says what for, when it takes longer than a moment; the same once. */
    void say(String sentence) {
        if (nanos() >= quiet && said.add(sentence)) {
            progress.message(sentence);
        }
    }

    /** Whether it lasts longer than it may. */
    boolean over(long most) {
        return nanos() > most;
    }

    /**
     * Gives up after the longest wait.
     *
     * @param longest such as {@code 10m}; empty for none
     * @throws LoupeException with the sentence, then
     */
    void check(String longest, String sentence) {
        if (!longest.isBlank() && over(nanos(longest))) {
            throw new LoupeException(sentence + " Given up after " + longest.strip() + " (" + LONGEST + ").");
        }
    }

    /** A time as Spark writes it: a number of seconds, or with {@code s}, {@code m}, {@code min}, {@code h} behind. */
    static long nanos(String text) {
        String time = text.strip().toLowerCase(Locale.ROOT);
        String number = time.replaceAll("[a-z]+$", "");
        long seconds = switch (time.substring(number.length())) {
            case "", "s" -> 1;
            case "m", "min" -> 60;
            case "h" -> 3600;
            default -> 0;
        };
        if (seconds == 0 || !number.matches("\\d{1,9}")) {
            throw new UsageException(LONGEST + " is a time such as 90s, 10m or 2h, not \"" + text + "\".");
        }
        return TimeUnit.SECONDS.toNanos(seconds * Long.parseLong(number));
    }
}
