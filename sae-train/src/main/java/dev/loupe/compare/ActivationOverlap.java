package dev.loupe.compare;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import java.lang.foreign.Arena;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What matched latents do on one text: whether weights that look alike fire alike. One pass over rows of a store, O(k) a
 * token.
 *
 * @param store whose rows were read
 * @param tokens how many
 * @param correlation per latent of A: Pearson correlation of its activations with those of its decoder counterpart, zeros
 *     included; 0 where one of them never fires
 * @param jaccard per latent of A: tokens on which both fire / tokens on which either does; 0 where none does
 * @param aliveA latents of A that fire
 * @param aliveB latents of B that fire
 * @param meanCorrelation over latents of A that fire and have a counterpart
 * @param meanJaccard over the same
 * @param meanCorrelationShared over shared pairs that fire
 * @param meanJaccardShared over the same
 * @param cka linear CKA of the two code spaces (Kornblith et al. 2019): 1 for equal geometry whatever the axes
 * @param ckaTokens evenly spread tokens that it was computed on
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ActivationOverlap(
        String store,
        long tokens,
        float[] correlation,
        float[] jaccard,
        int aliveA,
        int aliveB,
        double meanCorrelation,
        double meanJaccard,
        double meanCorrelationShared,
        double meanJaccardShared,
        double cka,
        int ckaTokens) {
    /** Rows read unless more are asked for. */
    public static final int ROWS = 100_000;

    private static final int BLOCK = 4096;
    private static final int CKA_ROWS = 2048;

    /**
     * Reads rows of the store, evenly spread.
     *
     * @param rows at most so many; 0 for all
     * @throws UsageException if an SAE does not read what the store holds
     */
    public static ActivationOverlap of(
            Sae a, Sae b, Matching matching, ActivationStore store, String hook, long rows, Progress progress) {
        for (Sae sae : new Sae[] {a, b}) {
            if (store.width(hook) != sae.dIn()) {
                throw new UsageException("The SAE " + sae.name() + " reads " + sae.dIn() + " values per token, but "
                        + hook + " of the store " + store.name() + " has " + store.width(hook) + ".");
            }
        }
        long count = rows == 0 ? store.rows() : Math.min(rows, store.rows());
        RowReader reader = store.reader(hook);
        Sums sums = new Sums(matching, a.dSae(), b.dSae());
        Cka cka = new Cka((int) Math.min(CKA_ROWS, count));
        progress.stage("activations of " + a.name() + " and " + b.name(), count, "tokens");
        try (Arena arena = Arena.ofShared()) {
            Matrix block = Matrix.allocate(arena, Math.min(BLOCK, count), a.dIn());
            long[] ids = new long[BLOCK];
            for (long from = 0; from < count; from += BLOCK) {
                progress.check();
                int n = (int) Math.min(BLOCK, count - from);
                for (int i = 0; i < n; i++) {
                    ids[i] = spread(from + i, store.rows(), count);
                }
                Matrix part = block.rows(0, n);
                reader.gather(ids, 0, n, part);
                SparseCodes ofA = a.encode(part);
                SparseCodes ofB = b.encode(part);
                sums.add(ofA, ofB);
                cka.add(ofA, ofB, from, count);
                progress.advance(from + n);
            }
        }
        return sums.finish(store.name(), matching, cka);
    }

    private static long spread(long index, long rows, long count) {
        return (long) ((double) index * rows / count);
    }

    /** Sums over tokens, by latent. */
    private static final class Sums {
        private final int[] partner;
        private final double[] sumA;
        private final double[] sumB;
        private final double[] squareA;
        private final double[] squareB;
        private final double[] product;
        private final long[] firedA;
        private final long[] firedB;
        private final long[] both;
        private final float[] valuesOfB;
        private long tokens;

        Sums(Matching matching, int n, int m) {
            partner = matching.decoderMatch();
            sumA = new double[n];
            squareA = new double[n];
            firedA = new long[n];
            product = new double[n];
            both = new long[n];
            sumB = new double[m];
            squareB = new double[m];
            firedB = new long[m];
            valuesOfB = new float[m];
        }

        void add(SparseCodes a, SparseCodes b) {
            tokens += a.rows();
            for (int r = 0; r < a.rows(); r++) {
                for (int e = b.start(r); e < b.end(r); e++) {
                    int j = b.ids()[e];
                    double y = b.values()[e];
                    valuesOfB[j] = b.values()[e];
                    sumB[j] += y;
                    squareB[j] += y * y;
                    firedB[j]++;
                }
                for (int e = a.start(r); e < a.end(r); e++) {
                    int i = a.ids()[e];
                    double x = a.values()[e];
                    sumA[i] += x;
                    squareA[i] += x * x;
                    firedA[i]++;
                    float y = partner[i] < 0 ? 0 : valuesOfB[partner[i]];
                    if (y > 0) {
                        product[i] += x * y;
                        both[i]++;
                    }
                }
                for (int e = b.start(r); e < b.end(r); e++) {
                    valuesOfB[b.ids()[e]] = 0;
                }
            }
        }

        ActivationOverlap finish(String store, Matching matching, Cka cka) {
            int n = partner.length;
            float[] correlation = new float[n];
            float[] jaccard = new float[n];
            double[] all = new double[3];
            double[] shared = new double[3];
            int aliveA = 0;
            for (int i = 0; i < n; i++) {
                aliveA += firedA[i] > 0 ? 1 : 0;
                int j = partner[i];
                if (j < 0) {
                    continue;
                }
                double covariance = product[i] - sumA[i] * sumB[j] / tokens;
                double varianceA = squareA[i] - sumA[i] * sumA[i] / tokens;
                double varianceB = squareB[j] - sumB[j] * sumB[j] / tokens;
                double r = covariance / Math.sqrt(varianceA * varianceB);
                correlation[i] = Double.isFinite(r) ? (float) Math.clamp(r, -1, 1) : 0;
                long either = firedA[i] + firedB[j] - both[i];
                jaccard[i] = either == 0 ? 0 : (float) both[i] / either;
                if (firedA[i] > 0) {
                    count(all, correlation[i], jaccard[i]);
                    if (matching.isShared(i, matching.threshold())) {
                        count(shared, correlation[i], jaccard[i]);
                    }
                }
            }
            int aliveB = 0;
            for (long fired : firedB) {
                aliveB += fired > 0 ? 1 : 0;
            }
            return new ActivationOverlap(
                    store,
                    tokens,
                    correlation,
                    jaccard,
                    aliveA,
                    aliveB,
                    mean(all, 1),
                    mean(all, 2),
                    mean(shared, 1),
                    mean(shared, 2),
                    cka.value(),
                    cka.rows());
        }

        private static void count(double[] sums, double correlation, double jaccard) {
            sums[0]++;
            sums[1] += correlation;
            sums[2] += jaccard;
        }

        private static double mean(double[] sums, int which) {
            return sums[0] == 0 ? 0 : sums[which] / sums[0];
        }
    }
}
