package dev.loupe.sae;

import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Cross-layer transcoder: Ameisen et al., Circuit Tracing: Revealing Computational Graphs in Language Models (Transformer
 * Circuits, 2025). Latents of layer l read the residual stream there, f_l = activation(W_enc(l) x_l + b_enc(l)), and write to
 * the MLP output of layer l and of every later one, ŷ_m = Σ_{l ≤ m} W_dec(l → m)ᵀ f_l + b_dec(m).
 *
 * <p>It is trained as one SAE over the places side by side, from which this makes the SAEs of its layers: layer l keeps its
 * own part of the encoder, and of the decoder what is written from l on.
 */
public final class CrossLayerTranscoder {
    private CrossLayerTranscoder() {}

    /**
     * Cuts weights over all layers into those of each.
     *
     * @param all encoder [L · m, Σ d_in], decoder [L · m, Σ d_out], latents layer after layer
     * @param inEnds where each place that is read ends
     * @param outEnds where each place that is written ends
     */
    public static List<SaeWeights> cut(SaeWeights all, List<Integer> inEnds, List<Integer> outEnds) {
        int layers = inEnds.size();
        int latents = all.dSae() / layers;
        List<SaeWeights> cut = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            int from = l * latents;
            int to = from + latents;
            int in = l == 0 ? 0 : inEnds.get(l - 1);
            int out = l == 0 ? 0 : outEnds.get(l - 1);
            float[] bDec = Arrays.copyOfRange(all.bDec(), out, all.bDec().length);
            Arrays.fill(bDec, outEnds.get(l) - out, bDec.length, 0); // later places have their own layer's
            cut.add(new SaeWeights(
                    all.encoderRows().rows(from, to).columns(in, inEnds.get(l), Arena.ofAuto()),
                    all.decoderRows().rows(from, to).columns(out, outEnds.getLast(), Arena.ofAuto()),
                    Arrays.copyOfRange(all.bEnc(), from, to),
                    bDec,
                    all.threshold().length == 0 ? new float[0] : Arrays.copyOfRange(all.threshold(), from, to),
                    Matrix.allocate(Arena.ofAuto(), 0, inEnds.get(l) - in)));
        }
        return cut;
    }
}
