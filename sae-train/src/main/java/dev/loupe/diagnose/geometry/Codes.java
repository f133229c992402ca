package dev.loupe.diagnose.geometry;

import dev.loupe.math.DoubleOps;
import dev.loupe.math.Parallel;
import dev.loupe.sae.SparseCodes;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Active sets as bit strings: what of it hash-code diagnostics share. */
final class Codes {
    private Codes() {}

    /** The active latents of some rows as one set. */
    static BitSet union(SparseCodes codes, int from, int to, int width) {
        BitSet set = new BitSet(width);
        for (int e = from < to ? codes.start(from) : 0; from < to && e < codes.end(to - 1); e++) {
            set.set(codes.ids()[e]);
        }
        return set;
    }

    /** In how many places two sets differ. */
    static int hamming(BitSet a, BitSet b) {
        BitSet x = (BitSet) a.clone();
        x.xor(b);
        return x.cardinality();
    }

    /** |a ∩ b| / |a ∪ b|; 1 for two empty sets. */
    static double jaccard(BitSet a, BitSet b) {
        BitSet x = (BitSet) a.clone();
        x.and(b);
        int both = x.cardinality();
        int all = a.cardinality() + b.cardinality() - both;
        return all == 0 ? 1 : (double) both / all;
    }

    /** (N − number of different codes) / N. */
    static double redundancy(List<BitSet> codes) {
        return codes.isEmpty() ? 0 : (double) (codes.size() - new HashSet<>(codes).size()) / codes.size();
    }

    /** Share of test codes whose k nearest training codes by Hamming distance have their label by majority. */
    static double knn(List<BitSet> train, List<String> labels, List<BitSet> test, List<String> wanted, int k) {
        int[] right = new int[test.size()];
        Parallel.run(test.size(), t -> {
            int[] distance = new int[train.size()];
            Integer[] order = new Integer[train.size()];
            for (int i = 0; i < distance.length; i++) {
                distance[i] = hamming(train.get(i), test.get(t));
                order[i] = i;
            }
            Arrays.sort(order, Comparator.comparingInt(i -> distance[i]));
            Map<String, Integer> votes = new LinkedHashMap<>(); // of equal votes the nearest wins
            for (int i = 0; i < Math.min(k, order.length); i++) {
                votes.merge(labels.get(order[i]), 1, Integer::sum);
            }
            String best = votes.entrySet().stream()
                    .reduce((a, b) -> b.getValue() > a.getValue() ? b : a)
                    .map(Map.Entry::getKey)
                    .orElse("");
            right[t] = best.equals(wanted.get(t)) ? 1 : 0;
        });
        return Arrays.stream(right).average().orElse(Double.NaN);
    }

    /**
     * K-means on codes as points with as many clusters as labels, from a seed; each cluster takes the label that is most
     * frequent in it, and the share of codes whose cluster has their label counts.
     */
    static double kMeans(List<BitSet> codes, List<String> labels, int width, long seed) {
        List<String> names = labels.stream().distinct().toList();
        int k = Math.min(names.size(), codes.size());
        Random random = new Random(seed);
        float[][] centres = new float[k][width];
        int[] first = random.ints(0, codes.size()).distinct().limit(k).toArray();
        for (int c = 0; c < k; c++) {
            codes.get(first[c]).stream().forEach(new Filler(centres[c])::set);
        }
        int[] cluster = new int[codes.size()];
        for (int round = 0; round < 30; round++) {
            int[] before = cluster.clone();
            double[] lengths = new double[k];
            for (int c = 0; c < k; c++) {
                lengths[c] = DoubleOps.dot(centres[c], centres[c]);
            }
            Parallel.run(codes.size(), i -> {
                double best = Double.POSITIVE_INFINITY;
                for (int c = 0; c < centres.length; c++) {
                    double along = 0;
                    for (int j = codes.get(i).nextSetBit(0);
                            j >= 0;
                            j = codes.get(i).nextSetBit(j + 1)) {
                        along += centres[c][j];
                    }
                    double d = lengths[c] - 2 * along;
                    if (d < best) {
                        best = d;
                        cluster[i] = c;
                    }
                }
            });
            if (round > 0 && Arrays.equals(before, cluster)) {
                break;
            }
            int[] sizes = new int[k];
            float[][] sums = new float[k][width];
            for (int i = 0; i < cluster.length; i++) {
                sizes[cluster[i]]++;
                for (int j = codes.get(i).nextSetBit(0);
                        j >= 0;
                        j = codes.get(i).nextSetBit(j + 1)) {
                    sums[cluster[i]][j]++;
                }
            }
            for (int c = 0; c < k; c++) {
                if (sizes[c] > 0) { // an empty cluster keeps its centre
                    for (int j = 0; j < width; j++) {
                        centres[c][j] = sums[c][j] / sizes[c];
                    }
                }
            }
        }
        int right = 0;
        for (int c = 0; c < k; c++) {
            Map<String, Integer> counts = new HashMap<>();
            for (int i = 0; i < cluster.length; i++) {
                if (cluster[i] == c) {
                    counts.merge(labels.get(i), 1, Integer::sum);
                }
            }
            right += counts.values().stream().max(Integer::compare).orElse(0);
        }
        return codes.isEmpty() ? Double.NaN : (double) right / codes.size();
    }

    /** Sets entries of an array to 1. */
    private record Filler(float[] to) {
        void set(int i) {
            to[i] = 1;
        }
    }
}
