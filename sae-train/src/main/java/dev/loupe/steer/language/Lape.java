package dev.loupe.steer.language;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Units that belong to few groups: language activation probability entropy (LAPE; Tang et al., arXiv 2402.16438). With
 * p = share of a group's tokens at which a unit is active and p' = p / Σ p over groups, the entropy −Σ p' log p' is low for
 * a unit of few groups. Units that no group has more often than the {@value #BAR} quantile of all p are left out; of all units
 * a share with the lowest entropy is kept; a kept unit belongs to every group that has it more often than the quantile.
 *
 * @param entropy of every unit, in nats: 0 for a unit of one group, log of their number for one that all have alike; NaN
 *     where it is never active
 * @param bar the quantile of all p
 * @param chosen the kept units, lowest entropy first
 * @param members of each group the kept units that belong to it, lowest entropy first
 */
public record Lape(double[] entropy, double bar, List<Integer> chosen, List<List<Integer>> members) {
    /** The share of units that is kept unless another is asked for. */
    public static final double SHARE = 0.02;

    private static final double BAR = 0.95;

    /**
     * Chooses.
     *
     * @param share of all units to keep, above 0 and at most 1
     */
    public static Lape of(GroupStatistics s, double share) {
        if (!(share > 0 && share <= 1)) {
            throw new UsageException("The share of units to keep lies above 0 and not above 1; it is " + share + ".");
        }
        int groups = s.groups().size();
        double[] all = new double[groups * s.units()];
        double[] entropy = new double[s.units()];
        for (int u = 0; u < s.units(); u++) {
            double sum = 0;
            for (int g = 0; g < groups; g++) {
                all[u * groups + g] = s.rate(g, u);
                sum += s.rate(g, u);
            }
            for (int g = 0; g < groups && sum > 0; g++) {
                double p = s.rate(g, u) / sum;
                entropy[u] -= p > 0 ? p * Math.log(p) : 0;
            }
            entropy[u] = sum > 0 ? entropy[u] + 0.0 : Double.NaN;
        }
        double[] sorted = all.clone();
        Arrays.sort(sorted);
        double bar = sorted[(int) Math.min(sorted.length - 1, Math.floor(BAR * sorted.length))];
        List<Integer> chosen = IntStream.range(0, s.units())
                .filter(u -> IntStream.range(0, groups).anyMatch(g -> all[u * groups + g] > bar))
                .boxed()
                .sorted(Comparator.comparingDouble((Integer u) -> entropy[u]).thenComparing(u -> u))
                .limit(Math.max(1, Math.round(share * s.units())))
                .toList();
        List<List<Integer>> members = new ArrayList<>();
        for (int g = 0; g < groups; g++) {
            int group = g;
            members.add(
                    chosen.stream().filter(u -> all[u * groups + group] > bar).toList());
        }
        return new Lape(entropy, bar, chosen, List.copyOf(members));
    }
}
