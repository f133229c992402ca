package dev.loupe.diagnose;

import dev.loupe.math.DoubleOps;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;

/** Small arithmetic and wording that diagnostics share. */
public final class Numbers {
    private Numbers() {}

    /** One hook point of every layer of a subject's model. */
    public static List<HookPoint> layers(Subject subject, IntFunction<HookPoint> hook) {
        List<HookPoint> all = new ArrayList<>();
        for (int layer = 0; layer < subject.model().config().nLayers(); layer++) {
            all.add(subject.model().hook(hook.apply(layer).name()).hook());
        }
        return all;
    }

    /** The mean; NaN of nothing. */
    public static double mean(double... values) {
        return Arrays.stream(values).average().orElse(Double.NaN);
    }

    /**
     * The value that a share of the values does not exceed, by linear interpolation between neighbours; NaN of nothing.
     *
     * @param sorted ascending
     */
    public static double quantile(double[] sorted, double share) {
        if (sorted.length == 0) {
            return Double.NaN;
        }
        double at = share * (sorted.length - 1);
        int low = (int) Math.floor(at);
        int high = Math.min(sorted.length - 1, low + 1);
        return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
    }

    /** A number with so many digits behind the point. */
    public static String fixed(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** A number with three significant digits. */
    public static String short3(double value) {
        double a = Math.abs(value);
        if (!Double.isFinite(value) || a == 0) {
            return String.format(Locale.ROOT, "%.0f", value);
        }
        int digits = (int) Math.clamp(2 - Math.floor(Math.log10(a)), 0, 8);
        return a < 1e-4 || a >= 1e7
                ? String.format(Locale.ROOT, "%.2e", value)
                : String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** The Euclidean length, in double precision. */
    public static double norm(float[] a) {
        return Math.sqrt(DoubleOps.dot(a, a));
    }

    /** Names "0", "1", … */
    public static List<String> names(int n) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            all.add(Integer.toString(i));
        }
        return all;
    }
}
