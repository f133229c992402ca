package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;

/**
 * What a training wants to know of its rows before the first step.
 *
 * @param mean of the rows
 * @param meanSquaredNorm E‖x‖²
 * @param meanNorm E‖x‖
 */
record LiveMoments(float[] mean, double meanSquaredNorm, double meanNorm) {
    /** Of the first rows of a matrix. */
    static LiveMoments of(Matrix values, int rows, String hook) {
        int width = values.cols();
        double[] sum = new double[width];
        float[] row = new float[width];
        double squares = 0;
        double norms = 0;
        for (int r = 0; r < rows; r++) {
            values.copyRow(r, row);
            double square = 0;
            for (int i = 0; i < width; i++) {
                sum[i] += row[i];
                square += (double) row[i] * row[i];
            }
            squares += square;
            norms += Math.sqrt(square);
        }
        if (!Double.isFinite(squares)) {
            throw new LoupeException("The activations at " + hook + " are not all finite numbers.");
        }
        float[] mean = new float[width];
        for (int i = 0; i < width; i++) {
            mean[i] = (float) (sum[i] / rows);
        }
        return new LiveMoments(mean, squares / rows, norms / rows);
    }
}
