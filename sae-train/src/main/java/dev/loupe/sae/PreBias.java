package dev.loupe.sae;

import dev.loupe.math.VectorOps;

/** Subtracting b_dec before the encoder is adding −W·b_dec behind it: the two conventions of the field. */
final class PreBias {
    private PreBias() {}

    /** b_enc of the same SAE with or without the subtraction. */
    static float[] encoderBias(Sae sae, boolean subtracted) {
        float[] bEnc = sae.bEnc().clone();
        if (sae.applyBDecToInput() == subtracted) {
            return bEnc;
        }
        for (int i = 0; i < bEnc.length; i++) {
            float along = VectorOps.dot(
                    sae.bDec(),
                    0,
                    sae.encoderRows().segment(),
                    sae.encoderRows().offset(i),
                    sae.dIn());
            bEnc[i] += subtracted ? along : -along;
        }
        return bEnc;
    }
}
