package dev.loupe.base;

import java.time.Duration;
import java.util.Locale;

/** Numbers as people read them; the same in the terminal, the log and the browser. */
public final class Fmt {
    private Fmt() {}

    /** A count: 950, 12.3 k, 1.27 M, 4.1 G. */
    public static String count(double n) {
        double a = Math.abs(n);
        if (a < 1_000) {
            return String.format(Locale.ROOT, n == Math.rint(n) ? "%.0f" : "%.1f", n);
        }
        if (a < 1e6) {
            return String.format(Locale.ROOT, a < 1e5 ? "%.1f k" : "%.0f k", n / 1e3);
        }
        return a < 1e9 ? String.format(Locale.ROOT, "%.2f M", n / 1e6) : String.format(Locale.ROOT, "%.2f G", n / 1e9);
    }

    /** A measured number with four digits: 0.01501, 24, 12.3 k. */
    public static String figure(double n) {
        return Math.abs(n) >= 1e4 || n == Math.rint(n) ? count(n) : String.format(Locale.ROOT, "%.4g", n);
    }

    /** A size in memory or on disk: 512 B, 8.0 MiB. */
    public static String bytes(long n) {
        if (n < 1024) {
            return n + " B";
        }
        int unit = (63 - Long.numberOfLeadingZeros(n)) / 10;
        return String.format(Locale.ROOT, "%.1f %ciB", n / Math.pow(2, 10.0 * unit), "KMGTPE".charAt(unit - 1));
    }

    /** A time: 0.8 s, 42 s, 3 min 20 s, 2 h 05 min. */
    public static String duration(Duration d) {
        double seconds = d.toMillis() / 1000.0;
        if (seconds < 10) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        long s = Math.round(seconds);
        if (s < 60) {
            return s + " s";
        }
        if (s < 3600) {
            return String.format(Locale.ROOT, "%d min %02d s", s / 60, s % 60);
        }
        return String.format(Locale.ROOT, "%d h %02d min", s / 3600, s % 3600 / 60);
    }

    /** A share as a percentage with as many digits as it deserves: 0.031 %, 1.2 %, 84 %. */
    public static String percent(double share) {
        double p = 100 * share;
        double a = Math.abs(p);
        String digits = a >= 10 || a == 0 ? "%.0f %%" : a >= 1 ? "%.1f %%" : a >= 0.1 ? "%.2f %%" : "%.3f %%";
        return String.format(Locale.ROOT, digits, p);
    }

    /** Text that came out of a file, fit for a message: in one line, without control characters, not endless. */
    public static String shown(String text) {
        String line = text.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Cs}\\u2028\\u2029]", "\uFFFD");
        return line.length() <= 400 ? line : line.substring(0, line.offsetByCodePoints(0, 200)) + "...";
    }
}
