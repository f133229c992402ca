package dev.loupe.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Several SAEs, every pair matched directly: in how many of them each latent is found. Pairs are never chained, because
 * optimal matchings of pairs are not transitive; how far they are is reported.
 *
 * @param saes names
 * @param threshold least cosine of a shared pair
 * @param foundIn per SAE and latent: in how many of the SAEs it is found, itself included
 * @param stability per SAE and latent: mean over the other SAEs of the smaller of decoder and encoder cosine with its
 *     counterpart, 0 where the two assignments name different ones; independent of the threshold
 * @param histogram per SAE: entry m − 1 counts the latents found in exactly m SAEs
 * @param onlyOne share of latents found in one SAE only when k SAEs are looked at, k = 2 … N: the mean over all SAEs and
 *     all choices of the others
 * @param transitivity whether going round three SAEs comes back
 */
@JsonNaming(SnakeCaseStrategy.class)
public record Overlap(
        List<String> saes,
        double threshold,
        int[][] foundIn,
        float[][] stability,
        int[][] histogram,
        List<Growth> onlyOne,
        Transitivity transitivity) {

    /**
     * A point of the growth curve.
     *
     * @param saes how many SAEs are looked at
     * @param share of latents found in one of them only
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Growth(int saes, double share) {}

    /**
     * Going from one SAE by matched decoders to a second, a third and back.
     *
     * @param triples ordered choices of three SAEs
     * @param returned share of latents that come back to themselves, NaN-free: 0 without triples
     * @param returnedAgreeing the same among latents whose encoder and decoder assignments agree on every step
     * @param returnedShared the same among latents that are shared on every step
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Transitivity(int triples, double returned, double returnedAgreeing, double returnedShared) {}

    /** A pair seen from either side. */
    private record Way(int[] decoder, int[] encoder, float[] decoderCosine, float[] encoderCosine) {
        boolean agree(int i) {
            return decoder[i] >= 0 && decoder[i] == encoder[i];
        }

        boolean shared(int i, double tau) {
            return agree(i) && decoderCosine[i] >= tau && encoderCosine[i] >= tau;
        }
    }

    /**
     * Puts matchings together.
     *
     * @param saes two or more names, all different
     * @param matchings one for every pair, in either order
     */
    public static Overlap of(List<String> saes, List<Matching> matchings, double threshold) {
        int n = saes.size();
        Way[][] ways = ways(saes, matchings);
        int[][] found = new int[n][];
        float[][] stability = new float[n][];
        int[][] histogram = new int[n][n];
        for (int s = 0; s < n; s++) {
            int width = ways[s][s == 0 ? 1 : 0].decoder.length;
            found[s] = new int[width];
            stability[s] = new float[width];
            for (int i = 0; i < width; i++) {
                double sum = 0;
                found[s][i] = 1;
                for (int t = 0; t < n; t++) {
                    if (t != s) {
                        Way w = ways[s][t];
                        found[s][i] += w.shared(i, threshold) ? 1 : 0;
                        sum += w.agree(i) ? Math.max(0, Math.min(w.decoderCosine[i], w.encoderCosine[i])) : 0;
                    }
                }
                stability[s][i] = (float) (sum / (n - 1));
                histogram[s][found[s][i] - 1]++;
            }
        }
        return new Overlap(
                List.copyOf(saes),
                threshold,
                found,
                stability,
                histogram,
                growth(histogram),
                transitivity(ways, threshold));
    }

    private static Way[][] ways(List<String> saes, List<Matching> matchings) {
        Map<String, Matching> byNames = new TreeMap<>();
        matchings.forEach(m -> byNames.put(m.a() + "\n" + m.b(), m));
        Way[][] ways = new Way[saes.size()][saes.size()];
        for (int s = 0; s < saes.size(); s++) {
            for (int t = s + 1; t < saes.size(); t++) {
                Matching ab = byNames.get(saes.get(s) + "\n" + saes.get(t));
                Matching ba = byNames.get(saes.get(t) + "\n" + saes.get(s));
                if (ab == null && ba == null) {
                    throw new IllegalArgumentException("no matching of " + saes.get(s) + " and " + saes.get(t));
                }
                Matching m = ab == null ? java.util.Objects.requireNonNull(ba) : ab;
                Way forth = new Way(m.decoderMatch(), m.encoderMatch(), m.decoderCosine(), m.encoderCosine());
                Way back = reversed(m);
                ways[s][t] = ab == null ? back : forth;
                ways[t][s] = ab == null ? forth : back;
            }
        }
        return ways;
    }

    private static Way reversed(Matching m) {
        int[] decoder = m.decoderMatchOfB();
        int[] encoder = m.encoderMatchOfB();
        float[] decoderCosine = new float[decoder.length];
        float[] encoderCosine = new float[encoder.length];
        for (int j = 0; j < decoder.length; j++) {
            decoderCosine[j] = decoder[j] < 0 ? 0 : m.decoderCosine()[decoder[j]];
            encoderCosine[j] = encoder[j] < 0 ? 0 : m.encoderCosine()[encoder[j]];
        }
        return new Way(decoder, encoder, decoderCosine, encoderCosine);
    }

    /**
     * A latent found in h of the N − 1 others is missed by k − 1 of them, chosen at random, with probability
     * C(N − 1 − h, k − 1) / C(N − 1, k − 1); so all choices are averaged over without trying them.
     */
    private static List<Growth> growth(int[][] histogram) {
        int n = histogram.length;
        List<Growth> curve = new ArrayList<>();
        for (int k = 2; k <= n; k++) {
            double alone = 0;
            double all = 0;
            for (int[] counts : histogram) {
                for (int h = 0; h < n; h++) {
                    double missed = 1;
                    for (int x = 0; x < k - 1; x++) {
                        missed *= Math.max(0, (double) (n - 1 - h - x) / (n - 1 - x));
                    }
                    alone += missed * counts[h];
                    all += counts[h];
                }
            }
            curve.add(new Growth(k, all == 0 ? 0 : alone / all));
        }
        return curve;
    }

    private static Transitivity transitivity(Way[][] ways, double tau) {
        int n = ways.length;
        int triples = 0;
        long[] begun = new long[3];
        long[] back = new long[3];
        for (int s = 0; s < n; s++) {
            for (int t = 0; t < n; t++) {
                for (int r = 0; r < n; r++) {
                    if (s == t || t == r || s == r) {
                        continue;
                    }
                    triples++;
                    for (int i = 0; i < ways[s][t].decoder.length; i++) {
                        int j = ways[s][t].decoder[i];
                        int l = j < 0 ? -1 : ways[t][r].decoder[j];
                        int end = l < 0 ? -1 : ways[r][s].decoder[l];
                        boolean whole = end >= 0;
                        boolean agree = whole && ways[s][t].agree(i) && ways[t][r].agree(j) && ways[r][s].agree(l);
                        boolean shared = agree
                                && ways[s][t].shared(i, tau)
                                && ways[t][r].shared(j, tau)
                                && ways[r][s].shared(l, tau);
                        boolean[] counts = {whole, agree, shared};
                        for (int c = 0; c < 3; c++) {
                            begun[c] += counts[c] ? 1 : 0;
                            back[c] += counts[c] && end == i ? 1 : 0;
                        }
                    }
                }
            }
        }
        return new Transitivity(triples, share(back[0], begun[0]), share(back[1], begun[1]), share(back[2], begun[2]));
    }

    private static double share(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }
}
