package dev.loupe.engine;

import java.util.Arrays;
import java.util.List;

/**
 * Where the values lie that an SAE of several places reads and writes: the places follow one another in each row.
 *
 * <p>Without {@code crossLayer} (a crosscoder) every latent reads and writes all places, and what the penalties call the
 * norm of its decoder row is the sum of its norms at the places (Lindsey et al., Sparse Crosscoders, 2024). With it (a
 * cross-layer transcoder, Ameisen et al., Circuit Tracing, 2025) latents belong to the places in equal shares, in order: a
 * latent of place l reads place l alone and writes place l and those after it; all other weights stay zero.
 *
 * @param inEnds where each place that is read ends; empty for one place
 * @param outEnds where each place that is written ends; empty for one place
 * @param crossLayer whether latents belong to places
 */
public record Layout(List<Integer> inEnds, List<Integer> outEnds, boolean crossLayer) {

    /** One place. */
    public static final Layout ONE = new Layout(List.of(), List.of(), false);

    /** Copies the lists. */
    public Layout {
        inEnds = List.copyOf(inEnds);
        outEnds = List.copyOf(outEnds);
        if (crossLayer && inEnds.size() != outEnds.size()) {
            throw new IllegalArgumentException(inEnds.size() + " places read, " + outEnds.size() + " written");
        }
    }

    /** Whether penalties sum the norms of a decoder row at the places. */
    boolean sumsNorms() {
        return !crossLayer && outEnds.size() > 1;
    }

    /** The place that a latent of n belongs to. */
    int place(int latent, int n) {
        return (int) ((long) latent * inEnds.size() / n);
    }

    private static int start(List<Integer> ends, int place) {
        return place == 0 ? 0 : ends.get(place - 1);
    }

    /** Sets to zero what a latent of n has no weights for. */
    public void clear(int latent, int n, float[] encoder, float[] decoder) {
        if (crossLayer) {
            int place = place(latent, n);
            Arrays.fill(encoder, 0, start(inEnds, place), 0);
            Arrays.fill(encoder, inEnds.get(place), encoder.length, 0);
            Arrays.fill(decoder, 0, start(outEnds, place), 0);
        }
    }

    /** Whether a latent of n has a weight for a value that is read. */
    boolean reads(int latent, int n, int value) {
        int place = crossLayer ? place(latent, n) : 0;
        return !crossLayer || (value >= start(inEnds, place) && value < inEnds.get(place));
    }

    /** Whether a latent of n has a weight for a value that is written. */
    boolean writes(int latent, int n, int value) {
        return !crossLayer || value >= start(outEnds, place(latent, n));
    }
}
