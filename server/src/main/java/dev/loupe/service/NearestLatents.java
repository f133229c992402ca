package dev.loupe.service;

import dev.loupe.compare.Cosines;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import dev.loupe.sae.Sae;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The latent of another SAE whose decoder row has the largest cosine with one's own: one product of a matrix and a vector,
 * done when it is asked for and kept. It is no matching: two latents may have the same nearest one.
 */
final class NearestLatents {
    /** Pairs of SAEs that are remembered; each keeps both open, and the norms of one. */
    private static final int PAIRS = 64;

    private static final int ROWS_PER_TASK = 1024;

    private final Map<String, Known> known = Collections.synchronizedMap(new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
            return size() > PAIRS;
        }
    });

    /** What was worked out for two opened SAEs; either one written anew is another one. */
    private record Known(Sae a, Sae b, double[] normsOfB, Map<Integer, Nearest> found) {}

    /**
     * The nearest latent.
     *
     * @param id the latent of the other SAE, or −1 if the row has no direction
     * @param cosine of the two decoder rows
     */
    record Nearest(int id, double cosine) {}

    /** The latent of {@code b} nearest to a latent of {@code a}; their decoder rows must be equally long. */
    Nearest of(Sae a, int id, Sae b) {
        String key = a.name() + " " + b.name();
        Known k = known.get(key);
        if (k == null || k.a != a || k.b != b) {
            k = new Known(a, b, norms(b.decoderRows()), new java.util.concurrent.ConcurrentHashMap<>());
            known.put(key, k);
        }
        Known pair = k;
        return pair.found.computeIfAbsent(id, i -> search(pair, i));
    }

    private static double[] norms(Matrix rows) {
        double[] norms = new double[Math.toIntExact(rows.rows())];
        for (int j = 0; j < norms.length; j++) {
            norms[j] = Math.sqrt(VectorOps.sumSquares(rows.segment(), rows.offset(j), rows.cols()));
        }
        return norms;
    }

    private static Nearest search(Known pair, int id) {
        float[] row = pair.a.decoderRows().row(id);
        float own = VectorOps.dot(row, 0, row, 0, row.length);
        if (!(own > 0) || own == Float.POSITIVE_INFINITY) {
            return new Nearest(-1, 0);
        }
        Matrix others = pair.b.decoderRows();
        int n = pair.normsOfB.length;
        int tasks = Math.ceilDiv(n, ROWS_PER_TASK);
        int[] best = new int[tasks];
        double[] top = new double[tasks];
        Parallel.run(tasks, t -> {
            best[t] = -1;
            top[t] = Double.NEGATIVE_INFINITY;
            for (int j = t * ROWS_PER_TASK; j < Math.min(n, (t + 1) * ROWS_PER_TASK); j++) {
                double norm = pair.normsOfB[j];
                double dot = VectorOps.dot(row, 0, others.segment(), others.offset(j), row.length);
                double scaled = norm > 0 ? dot / norm : Double.NEGATIVE_INFINITY;
                if (scaled > top[t]) { // of equals the first; false for NaN
                    top[t] = scaled;
                    best[t] = j;
                }
            }
        });
        int found = -1;
        double most = Double.NEGATIVE_INFINITY;
        for (int t = 0; t < tasks; t++) {
            if (best[t] >= 0 && top[t] > most) {
                most = top[t];
                found = best[t];
            }
        }
        return found < 0 ? new Nearest(-1, 0) : new Nearest(found, Cosines.of(pair.a.decoderRows(), id, others, found));
    }
}
