package dev.loupe.train;

import dev.loupe.base.Checksums;
import dev.loupe.base.UsageException;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Fine-tuning: training begins with the weights of another SAE of the same shape, put into training units. Adam's moments
 * begin at zero. An SAE of one architecture can begin one of another: thresholds become gates and the reverse, TopK and
 * BatchTopK choose for themselves.
 *
 * @param sae whose weights
 * @param checksum of its weights file; part of what a checkpoint belongs to
 */
record InitFrom(Sae sae, String checksum) {

    /** What the settings name: an SAE beside the new one, or a folder; null for none. */
    static @Nullable InitFrom of(TrainConfig config, Path saesDir) {
        if (config.initFrom().isEmpty()) {
            return null;
        }
        Path folder = saesDir.resolve(config.initFrom());
        return new InitFrom(Sae.open(folder), Checksums.sha256(folder.resolve("sae_weights.safetensors")));
    }

    /** The state before the first step. */
    TrainState state(TrainConfig c, int dIn, int dOut, double scaleIn, double scaleOut) {
        SaeWeights w = sae.weights();
        if (w.dSae() != c.dSae() || w.dIn() != dIn || w.decoderRows().cols() != dOut || w.skips() != c.skip()) {
            throw new UsageException("The SAE " + sae.name() + " cannot begin this training: it has " + w.dIn() + " to "
                    + w.dSae() + " latents to " + w.decoderRows().cols() + (w.skips() ? " with" : " without")
                    + " a skip connection, and " + dIn + " to " + c.dSae() + " to " + dOut
                    + (c.skip() ? " with" : " without") + " one is to be trained.");
        }
        // saved weights take raw activations: the scale is put back in as Folding takes it out
        SaeWeights t = Folding.scale(w, 1 / scaleIn, 1 / scaleOut);
        Matrix encoder = Matrix.allocate(Arena.ofAuto(), w.dSae(), dIn);
        encoder.copyFrom(t.encoderRows());
        Matrix decoder = Matrix.allocate(Arena.ofAuto(), w.dSae(), dOut);
        decoder.copyFrom(t.decoderRows());
        Matrix skip = Matrix.allocate(Arena.ofAuto(), t.skip().rows(), dIn);
        skip.copyFrom(t.skip());
        float[] bEnc = t.bEnc().clone();
        if (sae.config().applyBDecToInput() != c.applyBDecToInput()) {
            int sign = c.applyBDecToInput() ? 1 : -1;
            for (int i = 0; i < bEnc.length; i++) {
                bEnc[i] += sign * VectorOps.dot(t.bDec(), 0, encoder.segment(), encoder.offset(i), dIn);
            }
        }
        float[] theta = sae.config().architecture() == Architecture.JUMPRELU ? t.threshold() : new float[bEnc.length];
        boolean gated = c.method() == Method.GATED;
        float[] bMag = gated ? bEnc.clone() : new float[0];
        if (gated) { // π_gate > 0 exactly where π > θ
            for (int i = 0; i < bEnc.length; i++) {
                bEnc[i] -= theta[i];
            }
        }
        return TrainState.initial(new Parameters(
                encoder,
                decoder,
                bEnc,
                t.bDec().clone(),
                c.method() == Method.JUMPRELU ? Arrays.copyOf(theta, theta.length) : new float[0],
                bMag,
                new float[bMag.length],
                skip));
    }
}
