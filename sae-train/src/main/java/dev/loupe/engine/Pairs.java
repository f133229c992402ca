package dev.loupe.engine;

import java.util.Arrays;

/**
 * (row, latent) pairs and the numbers that their gradients need: the activation z, which multiplies the row's error in the
 * decoder's gradient; the derivative of the loss with respect to π, which multiplies the row's input in the encoder's; and
 * one number more, by selection: the kernel K at π for thresholds, the gate's part of the derivative for gates.
 */
final class Pairs {
    /** Set in {@link #row} where the latent is not active: the pair counts for the threshold's gradient only. */
    static final int SILENT = 1 << 30;
    /** What is left of {@link #row} without the flag. */
    static final int ROW = SILENT - 1;

    int size;
    int[] latent = new int[1024];
    int[] row = new int[1024];
    float[] z = new float[1024];
    float[] dPi = new float[1024];
    float[] extra = new float[1024];

    void clear() {
        size = 0;
    }

    void add(int latentId, int rowAndFlag, float activation, float derivative, float more) {
        if (size == latent.length) {
            reserve(2 * size);
        }
        latent[size] = latentId;
        row[size] = rowAndFlag;
        z[size] = activation;
        dPi[size] = derivative;
        extra[size++] = more;
    }

    private void reserve(int length) {
        if (latent.length < length) {
            latent = Arrays.copyOf(latent, length);
            row = Arrays.copyOf(row, length);
            z = Arrays.copyOf(z, length);
            dPi = Arrays.copyOf(dPi, length);
            extra = Arrays.copyOf(extra, length);
        }
    }

    /**
     * Replaces the content by all pairs of the tiles in order of latent, rows ascending within one (counting sort).
     *
     * @param starts receives n + 1 offsets: the pairs of latent i are starts[i] … starts[i + 1] − 1
     * @param auxFrom rows from here on belong to the auxiliary loss
     * @param auxWeight multiplies their numbers
     */
    void sortByLatent(Pairs[] tiles, int[] starts, int auxFrom, float auxWeight) {
        Arrays.fill(starts, 0);
        int total = 0;
        for (Pairs t : tiles) {
            total = Math.addExact(total, t.size);
            for (int e = 0; e < t.size; e++) {
                starts[t.latent[e] + 1]++;
            }
        }
        for (int i = 1; i < starts.length; i++) {
            starts[i] += starts[i - 1];
        }
        if (latent.length < total) {
            reserve(total + total / 4);
        }
        size = total;
        for (Pairs t : tiles) {
            for (int e = 0; e < t.size; e++) {
                int to = starts[t.latent[e]]++;
                int r = t.row[e];
                float weight = (r & ROW) >= auxFrom ? auxWeight : 1;
                row[to] = r;
                z[to] = weight * t.z[e];
                dPi[to] = weight * t.dPi[e];
                extra[to] = t.extra[e];
            }
        }
        for (int i = starts.length - 1; i > 0; i--) { // each start has moved to its end, which is the next start
            starts[i] = starts[i - 1];
        }
        starts[0] = 0;
    }
}
