package dev.loupe.train;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.List;

/**
 * What only Matryoshka SAEs have; in settings files under {@code matryoshka}.
 *
 * @param prefixes ends of the nested groups: shares of d_sae (below 1) or numbers of latents; d_sae itself may be left out
 * @param weights mean (Bussmann et al.: the mean over the prefixes) or sum (SAELens)
 */
public record MatryoshkaSettings(List<Double> prefixes, String weights) {

    /** dictionary_learning's groups of 1/32, 1/16, 1/8, 1/4 and the rest. */
    static final MatryoshkaSettings DEFAULT =
            new MatryoshkaSettings(List.of(1 / 32.0, 3 / 32.0, 7 / 32.0, 15 / 32.0, 1.0), "mean");

    /** Refuses what cannot be nested. */
    public MatryoshkaSettings {
        prefixes = List.copyOf(prefixes);
        for (int i = 0; i < prefixes.size(); i++) {
            if (!(prefixes.get(i) > 0) || (i > 0 && prefixes.get(i) <= prefixes.get(i - 1))) {
                throw new UsageException(
                        "The prefixes of a Matryoshka SAE must ascend from above 0, not " + prefixes + ".");
            }
        }
        if (!weights.equals("mean") && !weights.equals("sum")) {
            throw new UsageException("The weights of Matryoshka prefixes are mean or sum, not \"" + weights + "\".");
        }
    }

    /** The ends in latents, ascending, the last d_sae. */
    List<Integer> ends(int dSae) {
        List<Integer> ends = new ArrayList<>();
        for (double p : prefixes) {
            int end = p <= 1 ? (int) Math.max(1, Math.round(p * dSae)) : (int) Math.min(p, Integer.MAX_VALUE);
            if (end > dSae) {
                throw new UsageException(
                        "A Matryoshka prefix of " + end + " latents does not fit into d_sae " + dSae + ".");
            }
            if (end < dSae && (ends.isEmpty() || end > ends.getLast())) {
                ends.add(end);
            }
        }
        ends.add(dSae);
        return ends;
    }
}
