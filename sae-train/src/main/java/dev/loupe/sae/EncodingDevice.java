package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;

/** Something that encodes large batches in place of the processor, set by {@link Sae#encodeOn}. */
public interface EncodingDevice {

    /** Whether a batch that takes so many multiplications is worth the way there. */
    boolean takes(double multiplications);

    /**
     * The active latents of a batch.
     *
     * @param owner to whom the weights belong: as long as it lives, they may stay on the device
     * @param x [rows, d_in], raw activations
     * @throws LoupeException if a row holds NaN or an infinity ({@link #badRow}), or the device cannot
     */
    SparseCodes encode(Object owner, SaeConfig config, SaeWeights weights, Matrix x);

    /** The failure of a row that holds NaN or an infinity. */
    static LoupeException badRow(int row) {
        return new LoupeException(
                "Row " + row + " of the activations holds NaN or an infinity: capture it again or leave it out.");
    }
}
