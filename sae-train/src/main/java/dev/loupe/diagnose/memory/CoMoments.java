package dev.loupe.diagnose.memory;

/** First and second moments of many values, each together with one that is mostly 0. */
final class CoMoments {
    /** Below this share of its mean square a variance is rounding, of numbers that were float32. */
    private static final double ROUNDING = 1e-12;

    private final double[] sum;
    private final double[] squares;
    private final double[] products;
    private long n;
    private double own;
    private double ownSquares;

    CoMoments(int width) {
        sum = new double[width];
        squares = new double[width];
        products = new double[width];
    }

    /** Adds a token: all values, and the one. */
    void add(float[] values, float one) {
        n++;
        for (int i = 0; i < sum.length; i++) {
            double v = values[i];
            sum[i] += v;
            squares[i] += v * v;
        }
        if (one != 0) {
            own += one;
            ownSquares += (double) one * one;
            for (int i = 0; i < sum.length; i++) {
                products[i] += (double) one * values[i];
            }
        }
    }

    int width() {
        return sum.length;
    }

    /** Pearson's correlation of value i with the one; NaN where either never changes. */
    double pearson(int i) {
        double variance = squares[i] - sum[i] * sum[i] / n;
        double ownVariance = ownSquares - own * own / n;
        return variance > ROUNDING * squares[i] && ownVariance > ROUNDING * ownSquares
                ? Math.clamp((products[i] - sum[i] * own / n) / Math.sqrt(variance * ownVariance), -1, 1)
                : Double.NaN;
    }

    /** Cosine of value i and the one; 0 where either is 0 throughout. */
    double cosine(int i) {
        double length = Math.sqrt(squares[i] * ownSquares);
        return length > 0 ? products[i] / length : 0;
    }
}
