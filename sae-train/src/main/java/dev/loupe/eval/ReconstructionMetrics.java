package dev.loupe.eval;

import java.util.Arrays;

/**
 * How well x̂ stands for x, summed over rows in double precision. The mean that variance is taken around is given
 * beforehand (one mean for all rows, never one per batch), so a large mean costs no digits.
 */
final class ReconstructionMetrics {
    private final double[] mean;
    private final double[] errorSum;
    private final double[] errorSquares;
    private final double[] varianceSquares;
    private long rows;
    private double cosines;
    private double shares;
    private long withVariance;
    private double lengthRatios;
    private double predictedSquares;
    private double products;
    private long withDirection;

    /**
     * @param mean x̄ of exactly the rows that will be added, [d]
     */
    ReconstructionMetrics(double[] mean) {
        this.mean = mean;
        this.errorSum = new double[mean.length];
        this.errorSquares = new double[mean.length];
        this.varianceSquares = new double[mean.length];
    }

    void add(float[] x, float[] predicted) {
        double xx = 0;
        double pp = 0;
        double xp = 0;
        double ee = 0;
        double vv = 0;
        for (int j = 0; j < mean.length; j++) {
            double e = (double) x[j] - predicted[j];
            double centred = x[j] - mean[j];
            errorSum[j] += e;
            ee += e * e;
            vv += centred * centred;
            errorSquares[j] += e * e;
            varianceSquares[j] += centred * centred;
            xx += (double) x[j] * x[j];
            pp += (double) predicted[j] * predicted[j];
            xp += (double) x[j] * predicted[j];
        }
        if (vv > 0) {
            withVariance++;
            shares += ee / vv;
        }
        predictedSquares += pp;
        products += xp;
        if (xx > 0) {
            withDirection++;
            lengthRatios += Math.sqrt(pp / xx);
            cosines += pp > 0 ? xp / Math.sqrt(xx * pp) : 0;
        }
        rows++;
    }

    /** Mean over rows of ‖e‖² / ‖x − x̄‖²; rows at x̄ are left out. */
    double fvuOfTokens() {
        return shares / withVariance;
    }

    long rows() {
        return rows;
    }

    /** Σ‖x − x̄‖². */
    double variance() {
        return sum(varianceSquares);
    }

    /** Σ‖e‖² / Σ‖x − x̄‖². */
    double fvu() {
        return sum(errorSquares) / variance();
    }

    /** {@link #fvu} of some of the dimensions alone. */
    double fvu(int from, int to) {
        return sum(Arrays.copyOfRange(errorSquares, from, to)) / sum(Arrays.copyOfRange(varianceSquares, from, to));
    }

    /** 1 − Σ_j Var(e_j) / Σ_j Var(x_j): the mean error does not count (dictionary_learning's formula). */
    double explainedVariance() {
        double centredErrors = 0;
        for (int j = 0; j < mean.length; j++) {
            centredErrors += errorSquares[j] - errorSum[j] / rows * errorSum[j];
        }
        return 1 - centredErrors / variance();
    }

    /** Mean of ‖e‖². */
    double mse() {
        return sum(errorSquares) / rows;
    }

    /** Mean cosine of x and x̂; rows of zeros are left out. */
    double cosine() {
        return cosines / withDirection;
    }

    /** Mean of ‖x̂‖ / ‖x‖; rows of zeros are left out. */
    double l2Ratio() {
        return lengthRatios / withDirection;
    }

    /** E‖x̂‖² / E[x·x̂] (arXiv 2404.16014, relative reconstruction bias). */
    double shrinkage() {
        return predictedSquares / products;
    }

    private static double sum(double[] values) {
        double sum = 0;
        for (double v : values) {
            sum += v;
        }
        return sum;
    }
}
