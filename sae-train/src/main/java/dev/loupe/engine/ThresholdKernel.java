package dev.loupe.engine;

import dev.loupe.base.UsageException;
import java.util.Locale;

/**
 * The kernel K of the straight-through estimator of thresholds (arXiv 2407.14435, section 3; its appendix finds that the
 * shape matters little). Each integrates to one and is symmetric: only then does the estimate see both sides of θ.
 */
public enum ThresholdKernel {
    /** 1 where |u| &lt; ½, the paper's. */
    RECTANGLE(0.5),
    /** 1 − |u| where |u| &lt; 1. */
    TRIANGLE(1),
    /** ¾(1 − u²) where |u| &lt; 1. */
    EPANECHNIKOV(1);

    private final double reach;

    ThresholdKernel(double reach) {
        this.reach = reach;
    }

    /** The |u| from which on the kernel is 0. */
    public double reach() {
        return reach;
    }

    /** K(u). */
    public double at(double u) {
        double a = Math.abs(u);
        if (!(a < reach)) {
            return 0;
        }
        return switch (this) {
            case RECTANGLE -> 1;
            case TRIANGLE -> 1 - a;
            case EPANECHNIKOV -> 0.75 * (1 - u * u);
        };
    }

    /** The name in settings. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The kernel of a name. */
    public static ThresholdKernel of(String id) {
        for (ThresholdKernel k : values()) {
            if (k.id().equals(id)) {
                return k;
            }
        }
        throw new UsageException(
                "There is no kernel \"" + id + "\" for thresholds; there are rectangle, triangle and epanechnikov.");
    }
}
