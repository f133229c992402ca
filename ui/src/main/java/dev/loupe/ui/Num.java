package dev.loupe.ui;

import dev.loupe.base.Fmt;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Numbers and words as the pages show them. */
final class Num {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("d MMM HH:mm", Locale.ENGLISH).withZone(ZoneId.systemDefault());

    private Num() {}

    /** A number with so many decimals, true minus sign, thousands separated; a dash if there is none. */
    static String fixed(@Nullable Number v, int decimals) {
        if (v == null || !Double.isFinite(v.doubleValue())) {
            return "–";
        }
        String s = String.format(Locale.ROOT, "%,." + decimals + "f", v.doubleValue());
        return s.startsWith("-") ? (s.matches("-[0.,]*") ? s.substring(1) : "−" + s.substring(1)) : s;
    }

    /** The same with a sign in front of positive numbers. */
    static String signed(@Nullable Number v, int decimals) {
        String s = fixed(v, decimals);
        return v == null || !(v.doubleValue() > 0) || s.matches("[0.,]*") ? s : "+" + s;
    }

    /** An activation: three significant digits are enough to read. */
    static String activation(double v) {
        double a = Math.abs(v);
        return fixed(v, a >= 100 ? 0 : a >= 10 ? 1 : a >= 0.1 || a == 0 ? 2 : 4);
    }

    /** A share as a percentage; a dash if it is not a number. */
    static String percent(double share) {
        return Double.isFinite(share) ? Fmt.percent(share).replace('-', '−') : "–";
    }

    /** A whole number, thousands separated. */
    static String whole(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /** A number of things: 1 job, 3 jobs. */
    static String count(long n, String thing) {
        return whole(n) + " " + thing + (n == 1 ? "" : "s");
    }

    /** A moment, in the server's time zone. */
    static String when(Instant t) {
        return TIME.format(t);
    }

    /** A language by its English name; other labels as they are. */
    static String language(String label) {
        if (label.isEmpty()) {
            return "no label";
        }
        if (label.equals("und")) {
            return "undecided";
        }
        if (!label.matches("[a-z]{2,3}")) {
            return label;
        }
        String name = Locale.of(label).getDisplayLanguage(Locale.ENGLISH);
        return name.isEmpty() ? label : name;
    }
}
