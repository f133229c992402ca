package dev.loupe.ui;

/**
 * The scale of a strength's slider: fine near 0, coarse far out, alike on both sides. The slider runs from −1 to 1 and means
 * strengths from −{@value #REACH} to {@value #REACH}; the middle third covers about ±0.9.
 */
final class SymLog {
    static final double REACH = 16;

    private static final double LINEAR = 0.2;
    private static final double RATIO = 1 + REACH / LINEAR;

    private SymLog() {}

    /** The strength at a place of the slider, rounded to what a person would type. */
    static double strength(double place) {
        double s = LINEAR * (Math.pow(RATIO, Math.min(1, Math.abs(place))) - 1);
        double step = s < 1 ? 0.05 : s < 4 ? 0.1 : 0.5;
        return Math.copySign(Math.round(s / step) * step, place) + 0.0;
    }

    /** Where a strength stands; the end for what is beyond it. */
    static double place(double strength) {
        double s = Math.min(REACH, Math.abs(strength));
        return Math.copySign(Math.log(1 + s / LINEAR) / Math.log(RATIO), strength);
    }
}
