package dev.loupe.model;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Copies the weights of single products out of a block. */
final class Projections {
    private Projections() {}

    @SuppressWarnings("MustBeClosedChecker") // freed by the garbage collector
    static ProjectionWeights of(Weights.Layer weights, int layer, Projection which, String model) {
        Linear linear = linear(weights, which);
        if (linear == null) {
            throw new UsageException(
                    "The MLPs of the model " + model + " have no gate, and so no linear part beside it.");
        }
        Matrix copy = Matrix.allocate(
                Arena.ofAuto(), linear.weight().rows(), linear.weight().cols());
        linear.weight().decode(0, linear.weight().rows(), copy.segment());
        HookPoint input = switch (which) {
            case Q, K, V -> HookPoint.block(layer, "ln1.hook_normalized");
            case O -> HookPoint.z(layer);
            case MLP_IN, MLP_LINEAR -> HookPoint.block(layer, "ln2.hook_normalized");
            case MLP_OUT -> HookPoint.mlpPost(layer);
        };
        return new ProjectionWeights(
                input, gain(weights, which, copy.cols()), copy, outGain(weights, which, Math.toIntExact(copy.rows())));
    }

    private static @Nullable Linear linear(Weights.Layer w, Projection which) {
        return switch (which) {
            case Q -> w.q();
            case K -> w.k();
            case V -> w.v();
            case O -> w.o();
            case MLP_IN -> w.mlpIn();
            case MLP_LINEAR -> w.mlpLinear();
            case MLP_OUT -> w.mlpOut();
        };
    }

    /** The gain between the hook point and the product: LayerNorm's hook point lies behind it already. */
    private static float[] gain(Weights.Layer w, Projection which, int in) {
        Norm norm = switch (which) {
            case Q, K, V -> w.ln1();
            case MLP_IN, MLP_LINEAR -> w.ln2();
            case O, MLP_OUT -> null;
        };
        return norm != null && !norm.centres() ? Torch.toArray(norm.gain()) : ones(in);
    }

    private static float[] outGain(Weights.Layer w, Projection which, int out) {
        Norm norm = switch (which) {
            case O -> w.ln1Post();
            case MLP_OUT -> w.ln2Post();
            case Q, K, V, MLP_IN, MLP_LINEAR -> null;
        };
        return norm == null ? ones(out) : Torch.toArray(norm.gain());
    }

    private static float[] ones(int n) {
        float[] one = new float[n];
        Arrays.fill(one, 1);
        return one;
    }
}
