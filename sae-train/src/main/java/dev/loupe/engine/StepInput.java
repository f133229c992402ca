package dev.loupe.engine;

import dev.loupe.math.Matrix;
import dev.loupe.math.PackedWeights;
import dev.loupe.sae.SaeWeights;

/** What all tiles of one step share. Rows from {@link #rows} on in {@link #errors} belong to the auxiliary loss. */
final class StepInput {
    final int n;
    final int d;
    final SaeWeights parameters;
    final PackedWeights packed;
    /** For each latent, π above which a pair is of interest: 0, or the lower end of the kernel's window. */
    final float[] limits;

    int rows;
    Matrix batch;
    StepRule rule;
    /** Latents that the auxiliary loss may use. */
    int[] dead = new int[0];
    /** x − b_dec, [rows, d]. */
    float[] centred = new float[0];
    /** The derivative of the loss with respect to x̂, [2 · rows, d]: main loss, then auxiliary loss without its weight. */
    float[] errors = new float[0];

    StepInput(SaeWeights parameters, Matrix batch, StepRule rule) {
        this.n = parameters.dSae();
        this.d = parameters.dIn();
        this.parameters = parameters;
        this.packed = new PackedWeights(n, d);
        this.limits = new float[n];
        this.batch = batch;
        this.rule = rule;
    }

    void begin(Matrix newBatch, StepRule newRule, int[] deadLatents) {
        batch = newBatch;
        rule = newRule;
        dead = deadLatents;
        rows = Math.toIntExact(newBatch.rows());
        int size = Math.multiplyExact(rows, d);
        if (centred.length < size) {
            centred = new float[size];
        }
        int both = dead.length > 0 ? Math.multiplyExact(2, size) : size;
        if (errors.length < both) {
            errors = new float[both];
        }
        float half = (float) (rule.bandwidth() / 2);
        for (int i = 0; i < parameters.threshold().length; i++) {
            limits[i] = parameters.threshold()[i] - half;
        }
        packed.pack(parameters.encoderRows());
    }
}
