package dev.loupe.diagnose.health;

import dev.loupe.diagnose.Magnitudes;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** How large the values of one place are: their distribution, and the largest of each dimension. */
final class LayerSizes {
    private final Magnitudes all = new Magnitudes();
    private float[] largest = {};

    /** For as many places. */
    static LayerSizes[] of(int places) {
        LayerSizes[] sizes = new LayerSizes[places];
        Arrays.setAll(sizes, i -> new LayerSizes());
        return sizes;
    }

    /** Counts a row {@code [d]}. */
    void add(float[] row) {
        if (largest.length == 0) {
            largest = new float[row.length];
        }
        all.add(row);
        for (int j = 0; j < row.length; j++) {
            largest[j] = Math.max(largest[j], Math.abs(row[j]));
        }
    }

    /** The median of |a|. */
    float median() {
        return all.quantile(0.5);
    }

    /** The largest |a|. */
    float largest() {
        float m = 0;
        for (float v : largest) {
            m = Math.max(m, v);
        }
        return m;
    }

    /** Largest over median. */
    double ratio() {
        return largest() / (double) median();
    }

    /** Dimensions of a row. */
    int dimensions() {
        return largest.length;
    }

    /** So many dimensions, those with the largest |a| first. */
    int[] dimensions(int most) {
        return IntStream.range(0, largest.length)
                .boxed()
                .sorted(Comparator.comparingDouble(j -> -largest[j]))
                .limit(most)
                .mapToInt(j -> j)
                .toArray();
    }

    /** The place with the largest ratio; not the last of several, behind which nothing reads. */
    static int mostUneven(LayerSizes[] places) {
        int most = 0;
        double best = 0;
        for (int i = 0; i < Math.max(1, places.length - 1); i++) {
            double here = places[i].ratio();
            if (here > best) {
                best = here;
                most = i;
            }
        }
        return most;
    }
}
