package dev.loupe.patch;

import dev.loupe.base.Progress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/**
 * Estimates beside the truth.
 *
 * @param cells the cells patched exactly
 * @param agreement site → agreement on its cells, and under {@link #ALL} on all
 */
record Verification(List<PatchResult.Verified> cells, Map<String, Agreement> agreement) {
    /** The key of the agreement over all sites together. */
    static final String ALL = "all";

    /** Patches exactly the cells the request asks for: the largest and as many random others, or all. */
    static Verification of(
            List<Site> sites, Map<String, double[][]> grids, ExactPatching exact, PatchRequest request, Progress p) {
        List<Cell> all = new ArrayList<>();
        sites.forEach(s -> all.addAll(Cell.all(s)));
        List<Cell> chosen = request.verify() < 0 ? all : choose(all, grids, request.verify(), request.seed());
        double[] effects = PatchMethod.of(request.method()) == PatchMethod.AP
                ? chosen.stream().mapToDouble(c -> estimate(grids, c)).toArray()
                : exact.effects(chosen, p);
        List<PatchResult.Verified> cells = new ArrayList<>();
        Map<String, List<Integer>> bySite = new LinkedHashMap<>();
        for (int i = 0; i < effects.length; i++) {
            Cell c = chosen.get(i);
            cells.add(new PatchResult.Verified(
                    c.site().name(), c.hook().layer(), c.column(), estimate(grids, c), effects[i]));
            bySite.computeIfAbsent(c.site().name(), s -> new ArrayList<>()).add(i);
            bySite.computeIfAbsent(ALL, s -> new ArrayList<>()).add(i);
        }
        Map<String, Agreement> agreement = new LinkedHashMap<>();
        bySite.forEach((site, rows) -> agreement.put(
                site,
                Agreement.of(
                        rows.stream().mapToDouble(i -> cells.get(i).estimate()).toArray(),
                        rows.stream().mapToDouble(i -> cells.get(i).exact()).toArray())));
        return new Verification(List.copyOf(cells), agreement);
    }

    private static List<Cell> choose(List<Cell> all, Map<String, double[][]> grids, int top, long seed) {
        List<Cell> sorted = new ArrayList<>(all);
        sorted.sort(Comparator.comparingDouble(c -> -Math.abs(estimate(grids, c))));
        int n = Math.min(top, sorted.size());
        List<Cell> chosen = new ArrayList<>(sorted.subList(0, n));
        List<Cell> rest = new ArrayList<>(sorted.subList(n, sorted.size()));
        Collections.shuffle(rest, new Random(seed));
        chosen.addAll(rest.subList(0, Math.min(top, rest.size())));
        return chosen;
    }

    private static double estimate(Map<String, double[][]> grids, Cell c) {
        return Objects.requireNonNull(grids.get(c.site().name()))[c.row()][c.column()];
    }
}
