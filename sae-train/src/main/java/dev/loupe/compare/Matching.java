package dev.loupe.compare;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Which latents of two SAEs correspond (Paulo and Belrose, arXiv 2501.16615, section on matching): two independent
 * one-to-one assignments, of decoder rows and of encoder rows, each maximising the total cosine. A latent is
 * <em>shared</em> if both cosines are at least the threshold and both assignments give it the same counterpart; else
 * it is an <em>orphan</em>. A cosine with a zero row or with NaN counts as 0.
 *
 * <p>Arrays over latents of A have an entry for every latent of A; with unequal widths, those left over have the
 * counterpart −1 and the cosine 0.
 *
 * @param format version of the file, major.minor
 * @param a name of the first SAE
 * @param b name of the second SAE
 * @param threshold τ: the least cosine of a shared pair
 * @param shared number of shared pairs
 * @param orphansA latents of A that are not shared
 * @param orphansB latents of B that are not shared
 * @param gap proven bound on what either total cosine lacks to the best possible one, as a share of it: from dual
 *     prices, 0 up to rounding for this exact solver
 * @param decoderMatch per latent of A its counterpart in B by decoder rows, or −1
 * @param decoderCosine cosine of those decoder rows
 * @param encoderMatch the same by encoder rows
 * @param encoderCosine cosine of those encoder rows
 * @param nearestA per latent of A the latent of B with the largest decoder cosine, whether or not another has it too
 * @param nearestCosineA that cosine
 * @param nearestB the same for latents of B
 * @param nearestCosineB that cosine
 * @param mmcsAb mean over latents of A of their largest decoder cosine in B
 * @param mmcsBa the other way round
 * @param pwMcc mean decoder cosine of the assigned pairs (arXiv 2505.20254)
 * @param meanEncoderCosine mean encoder cosine of the assigned pairs
 * @param agreement share of assigned pairs for which both assignments give the same counterpart
 * @param curve shared pairs at every threshold from 0 to 1
 * @param notes facts that bear on what the figures mean, such as a differing data order
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Matching(
        String format,
        String a,
        String b,
        double threshold,
        int shared,
        int orphansA,
        int orphansB,
        double gap,
        int[] decoderMatch,
        float[] decoderCosine,
        int[] encoderMatch,
        float[] encoderCosine,
        int[] nearestA,
        float[] nearestCosineA,
        int[] nearestB,
        float[] nearestCosineB,
        double mmcsAb,
        double mmcsBa,
        double pwMcc,
        double meanEncoderCosine,
        double agreement,
        List<CurvePoint> curve,
        List<String> notes) {
    /** The version that this code writes. */
    public static final String FORMAT = "1.0";

    /** The threshold of the paper. */
    public static final double DEFAULT_THRESHOLD = 0.7;

    /**
     * Counts at one threshold.
     *
     * @param threshold τ
     * @param shared both cosines at least τ and one counterpart
     * @param bothCosines both cosines at least τ, whatever the counterparts
     * @param nearest latents of A whose largest decoder cosine in B is at least τ
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record CurvePoint(double threshold, int shared, int bothCosines, int nearest) {}

    /** Number of latents of A. */
    public int widthA() {
        return decoderMatch.length;
    }

    /** Number of latents of B. */
    public int widthB() {
        return nearestB.length;
    }

    /** Whether a latent of A is shared at a threshold. */
    public boolean isShared(int latentOfA, double tau) {
        return decoderMatch[latentOfA] >= 0
                && decoderMatch[latentOfA] == encoderMatch[latentOfA]
                && decoderCosine[latentOfA] >= tau
                && encoderCosine[latentOfA] >= tau;
    }

    /** Latents of A that are shared at a threshold, ascending. */
    public List<Integer> sharedA(double tau) {
        List<Integer> ids = new ArrayList<>();
        for (int i = 0; i < widthA(); i++) {
            if (isShared(i, tau)) {
                ids.add(i);
            }
        }
        return ids;
    }

    /** Latents of A without a partner at a threshold, ascending. */
    public List<Integer> onlyInA(double tau) {
        List<Integer> ids = new ArrayList<>();
        for (int i = 0; i < widthA(); i++) {
            if (!isShared(i, tau)) {
                ids.add(i);
            }
        }
        return ids;
    }

    /** Latents of B without a partner at a threshold, ascending. */
    public List<Integer> onlyInB(double tau) {
        boolean[] taken = new boolean[widthB()];
        for (int i = 0; i < widthA(); i++) {
            if (isShared(i, tau)) {
                taken[decoderMatch[i]] = true;
            }
        }
        List<Integer> ids = new ArrayList<>();
        for (int j = 0; j < taken.length; j++) {
            if (!taken[j]) {
                ids.add(j);
            }
        }
        return ids;
    }

    /** Per latent of B its counterpart in A by decoder rows, or −1: the inverse of {@link #decoderMatch}. */
    public int[] decoderMatchOfB() {
        return inverse(decoderMatch);
    }

    /** Per latent of B its counterpart in A by encoder rows, or −1: the inverse of {@link #encoderMatch}. */
    public int[] encoderMatchOfB() {
        return inverse(encoderMatch);
    }

    private int[] inverse(int[] match) {
        int[] inverse = new int[widthB()];
        java.util.Arrays.fill(inverse, -1);
        for (int i = 0; i < widthA(); i++) {
            if (match[i] >= 0) {
                inverse[match[i]] = i;
            }
        }
        return inverse;
    }

    /**
     * One latent of A and the latents of B whose largest decoder cosine in A is with it: what a wider SAE may have split
     * it into.
     *
     * @param id latent of A
     * @param parts latents of B, the nearest first
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Split(int id, List<Integer> parts) {}

    /** Latents of A that are nearest to at least {@code least} latents of B, each with a decoder cosine of at least τ. */
    public List<Split> splits(double tau, int least) {
        List<List<Integer>> parts = new ArrayList<>();
        for (int i = 0; i < widthA(); i++) {
            parts.add(new ArrayList<>());
        }
        for (int j = 0; j < widthB(); j++) {
            if (nearestCosineB[j] >= tau) {
                parts.get(nearestB[j]).add(j);
            }
        }
        List<Split> splits = new ArrayList<>();
        for (int i = 0; i < widthA(); i++) {
            if (parts.get(i).size() >= least) {
                parts.get(i).sort((x, y) -> Float.compare(nearestCosineB[y], nearestCosineB[x]));
                splits.add(new Split(i, List.copyOf(parts.get(i))));
            }
        }
        splits.sort((x, y) -> Integer.compare(y.parts().size(), x.parts().size()));
        return splits;
    }
}
