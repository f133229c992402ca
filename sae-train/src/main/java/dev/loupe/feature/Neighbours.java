package dev.loupe.feature;

import dev.loupe.compare.Cosines;
import dev.loupe.math.Matrix;
import dev.loupe.math.TopK;

/** The latents of one SAE whose decoder rows have the largest positive cosines with each latent's. */
final class Neighbours {
    private final int[][] ids;
    private final float[][] cosines;

    private Neighbours(int n) {
        ids = new int[n][];
        cosines = new float[n][];
    }

    static Neighbours of(Matrix decoderRows, int count) {
        Neighbours result = new Neighbours(Math.toIntExact(decoderRows.rows()));
        Cosines.forEachOnAllCores(decoderRows, decoderRows, () -> {
            TopK topK = new TopK();
            int[] chosen = new int[count + 1];
            return (i, row) -> {
                row[i] = Float.NEGATIVE_INFINITY; // not itself
                int found = topK.select(row, 0, row.length, Math.min(count, row.length - 1), chosen);
                result.keep(i, row, chosen, found);
            };
        });
        return result;
    }

    private void keep(int latent, float[] row, int[] chosen, int found) {
        int[] sorted = java.util.stream.IntStream.range(0, found)
                .map(k -> chosen[k])
                .filter(j -> row[j] > 0)
                .boxed()
                .sorted((a, b) -> row[a] == row[b] ? Integer.compare(a, b) : Float.compare(row[b], row[a]))
                .mapToInt(Integer::intValue)
                .toArray();
        ids[latent] = sorted;
        cosines[latent] = new float[sorted.length];
        for (int k = 0; k < sorted.length; k++) {
            cosines[latent][k] = row[sorted[k]];
        }
    }

    /** Nearest first; not to be changed. */
    int[] ids(int latent) {
        return ids[latent];
    }

    /** Cosines of {@link #ids}. */
    float[] cosines(int latent) {
        return cosines[latent];
    }
}
