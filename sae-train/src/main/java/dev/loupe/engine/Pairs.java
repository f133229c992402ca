package dev.loupe.engine;

import dev.loupe.math.Parallel;
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
    int[] latent = new int[0];
    int[] row = new int[0];
    float[] z = new float[0];
    float[] dPi = new float[0];
    /** Empty where the selection needs no number more. */
    float[] extra = new float[0];
    /** While sorting: how many pairs each latent has here, then where the next one goes. */
    private int[] places = new int[0];

    /**
     * Begins anew.
     *
     * @param room for so many pairs in all, so that adding them copies nothing
     * @param extras whether pairs have the number more
     */
    void begin(int room, boolean extras) {
        size = 0;
        if (latent.length < room
                || latent.length > 4L * room + 4096) { // early training must not keep its memory for ever
            latent = new int[0];
            row = new int[0];
            z = new float[0];
            dPi = new float[0];
            int length = Math.addExact(room, room / 16);
            latent = new int[length];
            row = new int[length];
            z = new float[length];
            dPi = new float[length];
        }
        int more = extras ? latent.length : 0;
        if (extra.length != more) {
            extra = new float[more];
        }
    }

    void add(int latentId, int rowAndFlag, float activation, float derivative, float more) {
        latent[size] = latentId;
        row[size] = rowAndFlag;
        z[size] = activation;
        dPi[size] = derivative;
        if (extra.length > 0) {
            extra[size] = more;
        }
        size++;
    }

    /**
     * Replaces the content by all pairs of the tiles in order of latent, rows ascending within one (counting sort).
     *
     * @param starts receives n + 1 offsets: the pairs of latent i are starts[i] … starts[i + 1] − 1
     * @param auxFrom rows from here on belong to the auxiliary loss
     * @param auxWeight multiplies their numbers
     */
    void sortByLatent(Pairs[] tiles, int[] starts, int auxFrom, float auxWeight) {
        int n = starts.length - 1;
        Parallel.run(tiles.length, t -> tiles[t].count(n));
        Arrays.fill(starts, 0);
        for (Pairs t : tiles) {
            for (int i = 0; i < n; i++) {
                starts[i + 1] = Math.addExact(starts[i + 1], t.places[i]);
            }
        }
        for (int i = 1; i <= n; i++) {
            starts[i] = Math.addExact(starts[i], starts[i - 1]);
        }
        begin(starts[n], Arrays.stream(tiles).anyMatch(t -> t.extra.length > 0));
        size = starts[n];
        int[] next = Arrays.copyOf(starts, n);
        for (Pairs t : tiles) { // from counts to where the tile's pairs begin
            for (int i = 0; i < n; i++) {
                int count = t.places[i];
                t.places[i] = next[i];
                next[i] += count;
            }
        }
        Parallel.run(tiles.length, t -> move(tiles[t], auxFrom, auxWeight));
    }

    private void count(int n) {
        if (places.length != n) {
            places = new int[n];
        }
        Arrays.fill(places, 0);
        for (int e = 0; e < size; e++) {
            places[latent[e]]++;
        }
    }

    private void move(Pairs t, int auxFrom, float auxWeight) {
        for (int e = 0; e < t.size; e++) {
            int to = t.places[t.latent[e]]++;
            int r = t.row[e];
            float weight = (r & ROW) >= auxFrom ? auxWeight : 1;
            row[to] = r;
            z[to] = weight * t.z[e];
            dPi[to] = weight * t.dPi[e];
            if (extra.length > 0) {
                extra[to] = t.extra[e];
            }
        }
    }
}
