package dev.loupe.feature;

/**
 * One document in which a latent fires, seen at its strongest token there.
 *
 * @param row of the store at the peak; orders hits of equal strength
 * @param document index in the store
 * @param sequence index in the store
 * @param peak position of the strongest token in the sequence as the model saw it
 * @param max activation there
 * @param offsets positions around the peak on which the latent fires, relative to it, ascending
 * @param values activations there
 */
record Hit(long row, int document, int sequence, int peak, float max, short[] offsets, float[] values) {

    /** Whether this one comes before another in a list of strongest examples. */
    boolean before(Hit other) {
        return max > other.max || (max == other.max && row < other.row);
    }
}
