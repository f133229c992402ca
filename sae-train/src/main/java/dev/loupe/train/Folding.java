package dev.loupe.train;

import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.SaeWeights;
import java.lang.foreign.Arena;

/** From trained weights to weights that take raw activations and have decoder rows of norm one. */
final class Folding {
    private Folding() {}

    /**
     * What is saved. Norms are folded except for TopK, which chose its latents without regard to them; so a TopK transcoder
     * keeps the decoder that it learned.
     */
    static SaeWeights finished(
            SaeWeights trained, TrainConfig config, BatchSource data, BatchSource target, double in, double out) {
        boolean folds = config.method().result() != Architecture.TOPK;
        if (data instanceof JoinedSource a && target instanceof JoinedSource b) {
            SaeWeights raw = places(trained, multiplied(a.scales(), in), multiplied(b.scales(), out));
            return folds ? norms(raw) : raw;
        }
        return finished(trained, config, in, out);
    }

    /** The same for one place. */
    static SaeWeights finished(SaeWeights trained, TrainConfig config, double in, double out) {
        boolean unit = config.unitDecoder() && config.average() == 0; // the mean of unit vectors is shorter
        boolean asItIs = unit || config.method().result() == Architecture.TOPK;
        return scale(asItIs ? trained : norms(trained), in, out);
    }

    private static float[] multiplied(float[] values, double by) {
        float[] result = values.clone();
        for (int j = 0; j < result.length; j++) {
            result[j] *= (float) by;
        }
        return result;
    }

    /** Undoes a scale for each value that is read and each that is written; latents stay in units of training. */
    static SaeWeights places(SaeWeights w, float[] in, float[] out) {
        Matrix encoder = copy(w.encoderRows());
        Matrix decoder = copy(w.decoderRows());
        float[] bDec = w.bDec().clone();
        for (int j = 0; j < bDec.length; j++) {
            bDec[j] /= out[j];
        }
        for (int i = 0; i < w.dSae(); i++) {
            for (int j = 0; j < in.length; j++) {
                encoder.set(i, j, encoder.get(i, j) * in[j]);
            }
            for (int j = 0; j < out.length; j++) {
                decoder.set(i, j, decoder.get(i, j) / out[j]);
            }
        }
        return new SaeWeights(encoder, decoder, w.bEnc(), bDec, w.threshold(), w.skip());
    }

    /**
     * The activation functions are positively homogeneous, so dividing biases and thresholds by s undoes the scale s, and
     * decoder rows keep their norm. Where target and input were scaled differently, latents are in units of the target and
     * what reads the input is multiplied by the ratio.
     */
    static SaeWeights scale(SaeWeights w, double scaleIn, double scaleOut) {
        float ratio = (float) (scaleIn / scaleOut);
        return new SaeWeights(
                scaleIn == scaleOut ? w.encoderRows() : multiplied(w.encoderRows(), ratio),
                w.decoderRows(),
                divided(w.bEnc(), scaleOut),
                divided(w.bDec(), scaleOut),
                divided(w.threshold(), scaleOut),
                scaleIn == scaleOut ? w.skip() : multiplied(w.skip(), ratio));
    }

    private static Matrix multiplied(Matrix m, float by) {
        Matrix c = copy(m);
        for (long r = 0; r < c.rows(); r++) {
            VectorOps.scale(by, c.segment(), c.offset(r), c.cols());
        }
        return c;
    }

    private static float[] divided(float[] values, double by) {
        float[] result = new float[values.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = (float) (values[i] / by);
        }
        return result;
    }

    /** The norms of decoder rows moved into the encoder; for the same reason nothing else changes. */
    static SaeWeights norms(SaeWeights w) {
        Matrix encoder = copy(w.encoderRows());
        Matrix decoder = copy(w.decoderRows());
        float[] bEnc = w.bEnc().clone();
        float[] threshold = w.threshold().clone();
        for (int i = 0; i < bEnc.length; i++) {
            float norm = (float) Math.sqrt(VectorOps.sumSquares(decoder.segment(), decoder.offset(i), decoder.cols()));
            if (!(norm > 0)) {
                continue; // a row of zeros stays one
            }
            VectorOps.scale(1 / norm, decoder.segment(), decoder.offset(i), decoder.cols());
            VectorOps.scale(norm, encoder.segment(), encoder.offset(i), encoder.cols());
            bEnc[i] *= norm;
            if (threshold.length > 0) {
                threshold[i] *= norm;
            }
        }
        return new SaeWeights(encoder, decoder, bEnc, w.bDec(), threshold, w.skip());
    }

    private static Matrix copy(Matrix m) {
        Matrix c = Matrix.allocate(Arena.ofAuto(), m.rows(), m.cols());
        c.copyFrom(m);
        return c;
    }
}
