package dev.loupe.service;

import dev.loupe.patch.Circuit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Two sparse feature circuits side by side; nodes are the same if their ids are.
 *
 * @param a name of the first
 * @param b name of the second
 * @param shared nodes of both, largest difference of effects first
 * @param onlyA nodes of the first alone, largest effect first
 * @param onlyB nodes of the second alone
 * @param nodeOverlap shared nodes over all (Jaccard)
 * @param effectOverlap Σ min |effect| / Σ max |effect|, over nodes whose effects have one sign; others count as apart
 */
public record CircuitComparison(
        String a,
        String b,
        List<Pair> shared,
        List<Circuit.Node> onlyA,
        List<Circuit.Node> onlyB,
        double nodeOverlap,
        double effectOverlap) {
    /** A node of both. */
    public record Pair(Circuit.Node a, Circuit.Node b) {}

    static CircuitComparison of(Circuit a, Circuit b) {
        Map<String, Circuit.Node> ofB = new LinkedHashMap<>();
        b.nodes().forEach(n -> ofB.put(n.id(), n));
        List<Pair> shared = new ArrayList<>();
        List<Circuit.Node> onlyA = new ArrayList<>();
        double least = 0;
        double most = 0;
        for (Circuit.Node n : a.nodes()) {
            Circuit.Node other = ofB.remove(n.id());
            if (other == null) {
                onlyA.add(n);
                most += Math.abs(n.effect());
                continue;
            }
            shared.add(new Pair(n, other));
            if (n.effect() * other.effect() > 0) {
                least += Math.min(Math.abs(n.effect()), Math.abs(other.effect()));
                most += Math.max(Math.abs(n.effect()), Math.abs(other.effect()));
            } else {
                most += Math.abs(n.effect()) + Math.abs(other.effect());
            }
        }
        List<Circuit.Node> onlyB = new ArrayList<>(ofB.values());
        most += onlyB.stream().mapToDouble(n -> Math.abs(n.effect())).sum();
        shared.sort(Comparator.comparingDouble(p -> -Math.abs(p.a().effect() - p.b().effect())));
        int all = shared.size() + onlyA.size() + onlyB.size();
        return new CircuitComparison(
                a.id(),
                b.id(),
                List.copyOf(shared),
                List.copyOf(onlyA),
                List.copyOf(onlyB),
                all == 0 ? 1 : shared.size() / (double) all,
                most == 0 ? 1 : least / most);
    }
}
