package dev.loupe.patch;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Scores of single neurons and latents, summed over pairs. */
final class NodeSums {
    private final Map<Nodes.Key, Sum> sums = new HashMap<>();

    private static final class Sum {
        private final double[] score;
        private final double[] clean;
        private final double[] corrupt;
        private double size;
        private double exact;

        private Sum(int positions) {
            score = new double[positions];
            clean = new double[positions];
            corrupt = new double[positions];
        }

        private double total() {
            double all = 0;
            for (double v : score) {
                all += v;
            }
            return all;
        }
    }

    /** Adds a node of one pair with its scores, by position; null under exact patching. */
    void add(Nodes.Candidate node, double @Nullable [] scores) {
        Sum sum = sums.computeIfAbsent(node.key(), k -> new Sum(node.clean().length));
        for (int p = 0; p < sum.clean.length; p++) {
            sum.score[p] += scores == null ? 0 : scores[p];
            sum.clean[p] += node.clean()[p];
            sum.corrupt[p] += node.corrupt()[p];
        }
        sum.size += node.size();
    }

    /** Adds the exact effect of a node in one pair. */
    void addExact(Nodes.Key key, double effect) {
        Objects.requireNonNull(sums.get(key)).exact += effect;
    }

    /** The nodes of the largest scores. */
    Set<Nodes.Key> largest() {
        return first(
                Comparator.comparingDouble(
                        (Map.Entry<Nodes.Key, Sum> e) -> -Math.abs(e.getValue().total())),
                Nodes.KEPT);
    }

    /** The nodes that change most between the runs. */
    Set<Nodes.Key> mostChanged() {
        return first(Comparator.comparingDouble((Map.Entry<Nodes.Key, Sum> e) -> -e.getValue().size), Nodes.EXACT);
    }

    private Set<Nodes.Key> first(Comparator<Map.Entry<Nodes.Key, Sum>> order, int most) {
        Comparator<Map.Entry<Nodes.Key, Sum>> total = order.thenComparing(
                        e -> e.getKey().site())
                .thenComparing(e -> e.getKey().layer())
                .thenComparing(e -> e.getKey().index());
        return sums.entrySet().stream()
                .sorted(total)
                .limit(most)
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(HashSet::new));
    }

    /**
     * The nodes as results, largest first.
     *
     * @param factor what sums are multiplied with
     * @param exact whether exact effects were added: they stand beside the scores, or are the scores where there are none
     */
    List<PatchResult.Node> results(Set<Nodes.Key> chosen, double factor, int pairs, boolean exact, boolean scored) {
        List<PatchResult.Node> nodes = new ArrayList<>();
        for (Nodes.Key key : chosen) {
            Sum s = Objects.requireNonNull(sums.get(key));
            int peak = 0;
            double[] byPosition = new double[s.score.length];
            for (int p = 0; p < byPosition.length; p++) {
                byPosition[p] = s.score[p] * factor;
                if (Math.abs(byPosition[p]) > Math.abs(byPosition[peak])) {
                    peak = p;
                }
            }
            double effect = s.exact * factor;
            nodes.add(new PatchResult.Node(
                    key.site(),
                    key.layer(),
                    key.index(),
                    scored ? s.total() * factor : effect,
                    exact ? effect : null,
                    peak,
                    s.clean[peak] / pairs,
                    s.corrupt[peak] / pairs,
                    byPosition));
        }
        nodes.sort(Comparator.comparingDouble((PatchResult.Node n) -> -Math.abs(n.score()))
                .thenComparing(PatchResult.Node::site)
                .thenComparing(PatchResult.Node::layer)
                .thenComparing(PatchResult.Node::index));
        return List.copyOf(nodes.subList(0, Math.min(Nodes.KEPT, nodes.size())));
    }
}
