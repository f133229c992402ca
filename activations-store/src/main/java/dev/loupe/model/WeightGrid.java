package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * The weight of a linear map, {@code [out, in]}, in either order in memory. Sums are those of doubles.
 *
 * @param columns whether it lies as {@code [in, out]}
 */
record WeightGrid(MemorySegment values, long out, long in, boolean columns) {
    static WeightGrid of(MemorySegment values, boolean columns, long... shape) {
        return new WeightGrid(values, shape[columns ? 1 : 0], shape[columns ? 0 : 1], columns);
    }

    private long at(long o, long i) {
        return columns ? i * out + o : o * in + i;
    }

    private float get(long o, long i) {
        return values.getAtIndex(JAVA_FLOAT, at(o, i));
    }

    private void set(long o, long i, double value) {
        values.setAtIndex(JAVA_FLOAT, at(o, i), (float) value);
    }

    void scaleInputs(float[] by) {
        for (long o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                set(o, i, get(o, i) * by[i]);
            }
        }
    }

    /** Subtracts from each row its mean. */
    void centreRows() {
        for (long o = 0; o < out; o++) {
            double sum = 0;
            for (long i = 0; i < in; i++) {
                sum += get(o, i);
            }
            for (long i = 0; i < in; i++) {
                set(o, i, get(o, i) - sum / in);
            }
        }
    }

    /** Subtracts from each column its mean. */
    void centreColumns() {
        double[] sums = new double[Math.toIntExact(in)];
        for (long o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                sums[i] += get(o, i);
            }
        }
        for (long o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                set(o, i, get(o, i) - sums[i] / out);
            }
        }
    }

    /** The matrix times a vector. */
    double[] times(float[] vector) {
        double[] result = new double[Math.toIntExact(out)];
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                result[o] += (double) get(o, i) * vector[i];
            }
        }
        return result;
    }
}
