package dev.loupe.engine;

import dev.loupe.kernel.PanelType;
import dev.loupe.math.Matrix;
import dev.loupe.math.PackedWeights;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What all tiles of one step share. {@link #errors} holds, for every prefix and then for the auxiliary loss, one row per
 * row of the batch.
 */
final class StepInput {
    private static final int NORM_CHUNK = 256;

    final int n;
    final int dIn;
    final int dOut;
    final Parameters parameters;
    /** The encoder for the dense product. */
    EncoderPanels encoder;
    /** The dead latents' rows in float32, where {@link #encoder} holds integers and the auxiliary loss needs them. */
    @Nullable EncoderPanels deadEncoder;
    /** Where this step is one of dense products. */
    @Nullable DenseStep dense;
    /** Where scratch memory comes from. */
    final Arena arena;
    /** b_enc, filled up to whole panels. */
    final float[] bias;

    final @Nullable PackedWeights packedSkip;
    /** For each latent, π above which a pair is of interest. */
    final float[] limits;
    /** Norms of decoder rows, summed over places where the layout says so, or empty where they are one. */
    float[] norms = new float[0];
    /** Below the smallest pre-activation that any row wants (TOPK), per norm of the row, as far as the last step tells. */
    float guess = Float.NEGATIVE_INFINITY;
    /** e^r of gates. */
    final float[] gains;

    int rows;
    int groups;
    /** The ends of the groups. */
    int[] ends = new int[0];

    Matrix input;
    Matrix target;
    StepRule rule;
    /** Latents that the auxiliary loss may use. */
    int[] dead = new int[0];
    /** What the encoder sees, [rows, d_in]. */
    float[] centred = new float[0];
    /** The derivative of the loss with respect to ŷ, [(groups + 1) · rows, d_out]; last the auxiliary loss's, unweighted. */
    float[] errors = new float[0];
    /** ‖y − ŷ‖² per row. */
    float[] rowErrors = new float[0];

    StepInput(Arena arena, Parameters parameters, EncoderPanels encoder, Matrix batch, StepRule rule) {
        this.arena = arena;
        this.encoder = encoder;
        this.n = parameters.dSae();
        this.dIn = parameters.dIn();
        this.dOut = parameters.dOut();
        this.parameters = parameters;
        this.packedSkip = parameters.skips() ? new PackedWeights(dOut, dIn) : null;
        this.limits = new float[encoder.units().length];
        this.bias = new float[limits.length];
        this.gains = new float[parameters.rMag().length];
        this.input = batch;
        this.target = batch;
        this.rule = rule;
    }

    void begin(Matrix newInput, Matrix newTarget, StepRule newRule, EncoderPanels newEncoder, int[] deadLatents) {
        encoder = newEncoder;
        input = newInput;
        target = newTarget;
        rule = newRule;
        dead = deadLatents;
        rows = Math.toIntExact(newInput.rows());
        groups = rule.groups();
        ends = rule.prefixes().isEmpty()
                ? new int[] {n}
                : rule.prefixes().stream().mapToInt(Integer::intValue).toArray();
        centred = room(centred, Math.multiplyExact(rows, dIn));
        int blocks = dead.length > 0 ? groups + 1 : groups;
        errors = room(errors, Math.multiplyExact(Math.multiplyExact(blocks, rows), dOut));
        rowErrors = new float[rows];
        System.arraycopy(parameters.bEnc(), 0, bias, 0, n);
        Arrays.fill(limits, 0);
        float reach = (float) rule.reach();
        for (int i = 0; i < parameters.threshold().length; i++) {
            limits[i] = parameters.threshold()[i] - reach;
        }
        for (int i = 0; i < gains.length; i++) {
            gains[i] = (float) Math.exp(parameters.rMag()[i]);
        }
        norms = rule.unitDecoder() ? new float[0] : decoderNorms();
        if (packedSkip != null) {
            packedSkip.pack(parameters.skip());
        }
        deadEncoder = null;
        if (dead.length > 0 && encoder.type.isInteger()) {
            deadEncoder = EncoderPanels.of(PanelType.FLOAT32, parameters.encoderRows(), dead);
        }
    }

    private float[] decoderNorms() {
        float[] result = new float[n];
        Matrix dec = parameters.decoderRows();
        Parallel.run(Math.ceilDiv(n, NORM_CHUNK), c -> {
            for (int i = c * NORM_CHUNK; i < Math.min(n, (c + 1) * NORM_CHUNK); i++) {
                int from = 0;
                for (int end : rule.layout().sumsNorms() ? rule.layout().outEnds() : List.of(dOut)) {
                    result[i] += norm(dec, i, from, end);
                    from = end;
                }
            }
        });
        return result;
    }

    /** The norm of a part of a row. */
    static float norm(Matrix rows, int row, int from, int end) {
        return (float)
                Math.sqrt(VectorOps.sumSquares(rows.segment(), rows.offset(row) + from * Matrix.BYTES, end - from));
    }

    private static float[] room(float[] old, int size) {
        return old.length < size ? new float[size] : old;
    }

    /** ‖d_i‖. */
    float norm(int latent) {
        return norms.length == 0 ? 1 : norms[latent];
    }

    /** Where a row's error lies; the block after the groups belongs to the auxiliary loss. */
    int errorAt(int block, int row) {
        return (block * rows + row) * dOut;
    }
}
