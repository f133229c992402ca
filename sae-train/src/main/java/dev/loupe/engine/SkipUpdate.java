package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.RowOps;
import dev.loupe.math.VectorOps;

/** The gradient and update of a transcoder's skip connection: dL/dW_skip = Σ over rows of (dL/dŷ) xᵀ. */
final class SkipUpdate {
    private final StepInput s;
    private final int[] inputRows;

    SkipUpdate(StepInput s) {
        this.s = s;
        inputRows = new int[s.parameters.skips() ? s.rows : 0];
        for (int r = 0; r < inputRows.length; r++) {
            inputRows[r] = r * s.dIn;
        }
    }

    private float[] gradient(int j) {
        float[] along = new float[s.rows];
        for (int r = 0; r < s.rows; r++) {
            along[r] = s.errors[s.errorAt(0, r) + j];
        }
        float[] g = new float[s.dIn];
        RowOps.addRows(along, s.centred, inputRows, 0, s.rows, g, 0, s.dIn);
        return g;
    }

    /** Σ of the squares of the gradient. */
    double squares() {
        double[] parts = new double[(int) s.parameters.skip().rows()];
        Parallel.run(parts.length, j -> {
            float[] g = gradient(j);
            parts[j] = VectorOps.dot(g, 0, g, 0, s.dIn);
        });
        double sum = 0;
        for (double part : parts) {
            sum += part;
        }
        return sum;
    }

    void run(LatentUpdate.Optimiser o) {
        Matrix w = s.parameters.skip();
        Parallel.run((int) w.rows(), j -> {
            float[] g = gradient(j);
            for (int i = 0; o.factor() != 1 && i < g.length; i++) {
                g[i] *= (float) o.factor();
            }
            o.adam().update(w.segment(), o.m().skip().segment(), o.v().skip().segment(), w.offset(j), g, s.dIn);
            if (o.average() != null) {
                LatentUpdate.blend(w, o.average().skip(), j, o.decay());
            }
        });
    }
}
