package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.LanguageModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;

/**
 * Estimates beside the truth.
 *
 * @param cells the cells patched exactly
 * @param agreement site → agreement on its cells, and under {@link #ALL} on all
 */
record Verification(List<PatchResult.Verified> cells, Map<String, Agreement> agreement) {
    /** The key of the agreement over all sites together. */
    static final String ALL = "all";

    /** A cell, whatever the pair. */
    private record Spot(String site, int row, int column) {}

    /**
     * Patches exactly the cells the request asks for, the largest and as many random others or all, and the chosen
     * neurons and latents, in every pair.
     */
    static Verification of(
            LanguageModel model,
            PairWork work,
            Map<String, double[][]> grids,
            NodeSums nodes,
            Set<Nodes.Key> chosenNodes,
            double factor,
            PatchRequest request,
            Progress p) {
        List<Spot> spots = new ArrayList<>();
        grids.forEach((site, grid) -> {
            for (int row = 0; row < grid.length; row++) {
                for (int column = 0; column < grid[row].length; column++) {
                    spots.add(new Spot(site, row, column));
                }
            }
        });
        boolean exactly = PatchMethod.of(request.method()) == PatchMethod.AP;
        List<Spot> chosen = request.verify() < 0 ? spots : choose(spots, grids, request.verify(), request.seed());
        double[] effects = new double[chosen.size()];
        Map<Spot, Cell> first = new LinkedHashMap<>();
        Saturation[] saturation = {null};
        if (exactly) {
            for (int i = 0; i < effects.length; i++) {
                effects[i] = estimate(grids, chosen.get(i));
            }
        }
        long[] done = {0};
        p.stage("checking exactly", exactly ? 0 : count(work, chosen, chosenNodes), "runs");
        work.each(false, (one, index) -> {
            List<Cell> cells = cells(one, chosen);
            if (index == 0) {
                saturation[0] = Saturation.of(model, one.run());
                for (int i = 0; i < cells.size(); i++) {
                    first.put(chosen.get(i), cells.get(i));
                }
            }
            if (exactly) {
                return;
            }
            List<Patch> patches = new ArrayList<>(cells);
            one.what().nodes().stream()
                    .filter(n -> chosenNodes.contains(n.key()))
                    .forEach(patches::add);
            double[] found = new ExactPatching(model, one.run()).effects(patches, p, done[0]);
            done[0] += ExactPatching.runs(patches);
            for (int i = 0; i < found.length; i++) {
                if (i < effects.length) {
                    effects[i] += found[i] * factor;
                } else {
                    nodes.addExact(((Nodes.Candidate) patches.get(i)).key(), found[i]);
                }
            }
        });
        return compared(chosen, first, grids, effects, Objects.requireNonNull(saturation[0]));
    }

    private static long count(PairWork work, List<Spot> chosen, Set<Nodes.Key> nodes) {
        long[] all = {0};
        if (work.batches() > 1) { // counting would compute everything twice
            return 0;
        }
        work.each(
                false,
                (one, i) -> all[0] += ExactPatching.runs(cells(one, chosen))
                        + one.what().nodes().stream()
                                .filter(n -> nodes.contains(n.key()))
                                .count());
        return all[0];
    }

    private static List<Cell> cells(PairWork.One one, List<Spot> chosen) {
        Map<String, Site> sites = new LinkedHashMap<>();
        one.what().sites().forEach(s -> sites.put(s.name(), s));
        return chosen.stream()
                .map(s -> new Cell(Objects.requireNonNull(sites.get(s.site())), s.row(), s.column()))
                .toList();
    }

    private static Verification compared(
            List<Spot> chosen,
            Map<Spot, Cell> first,
            Map<String, double[][]> grids,
            double[] effects,
            Saturation saturation) {
        double largest = 0;
        for (double e : effects) {
            largest = Math.max(largest, Math.abs(e));
        }
        List<PatchResult.Verified> cells = new ArrayList<>();
        Map<String, List<Integer>> bySite = new LinkedHashMap<>();
        for (int i = 0; i < effects.length; i++) {
            Spot s = chosen.get(i);
            Cell cell = Objects.requireNonNull(first.get(s));
            double estimate = estimate(grids, s);
            boolean apart = Math.abs(estimate - effects[i]) > 0.2 * largest;
            cells.add(new PatchResult.Verified(
                    s.site(),
                    cell.hook().layer(),
                    s.column(),
                    estimate,
                    effects[i],
                    apart ? saturation.hint(cell) : null,
                    cell.site().head(s.row())));
            bySite.computeIfAbsent(s.site(), k -> new ArrayList<>()).add(i);
            bySite.computeIfAbsent(ALL, k -> new ArrayList<>()).add(i);
        }
        Map<String, Agreement> agreement = new LinkedHashMap<>();
        bySite.forEach((site, rows) -> agreement.put(
                site,
                Agreement.of(
                        rows.stream().mapToDouble(i -> cells.get(i).estimate()).toArray(),
                        rows.stream().mapToDouble(i -> cells.get(i).exact()).toArray())));
        return new Verification(List.copyOf(cells), agreement);
    }

    private static List<Spot> choose(List<Spot> all, Map<String, double[][]> grids, int top, long seed) {
        List<Spot> sorted = new ArrayList<>(all);
        sorted.sort(Comparator.comparingDouble(c -> -Math.abs(estimate(grids, c))));
        int n = Math.min(top, sorted.size());
        List<Spot> chosen = new ArrayList<>(sorted.subList(0, n));
        List<Spot> rest = new ArrayList<>(sorted.subList(n, sorted.size()));
        Collections.shuffle(rest, new Random(seed));
        chosen.addAll(rest.subList(0, Math.min(top, rest.size())));
        return chosen;
    }

    private static double estimate(Map<String, double[][]> grids, Spot s) {
        return Objects.requireNonNull(grids.get(s.site()))[s.row()][s.column()];
    }
}
