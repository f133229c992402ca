package dev.loupe.service;

import dev.loupe.compare.SeedStatistics;
import dev.loupe.compare.SeedStatistics.Interval;
import dev.loupe.service.SeedExperiment.CellResult;
import dev.loupe.service.SeedExperiment.Trend;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * The trends of Paulo and Belrose (arXiv 2501.16615) looked for in the cells of an experiment: up with tokens, down with
 * width and with k, ReLU steadier than TopK.
 */
final class SeedTrends {
    /** What the paper did not look at: width at equal tokens per latent, newer architectures. */
    private static final String OPEN = "open";

    /** The architectures that the paper compared with TopK. */
    private static final List<String> SEEN = List.of("relu", "gated");

    private final SeedsSpec spec;
    private final List<CellResult> cells;
    private final List<Trend> trends = new ArrayList<>();

    private SeedTrends(SeedsSpec spec, List<CellResult> cells) {
        this.spec = spec;
        this.cells = cells;
    }

    static List<Trend> of(SeedsSpec spec, List<CellResult> cells) {
        SeedTrends t = new SeedTrends(spec, cells);
        int n0 = spec.dSae().getFirst();
        int k0 = spec.k().getFirst();
        long t0 = spec.tokens().getFirst();
        for (String arch : spec.arch()) {
            t.along(
                    "tokens",
                    arch,
                    "up",
                    c -> c.dSae() == n0 && c.k() == k0 && spec.tokens().contains(c.tokens()),
                    CellResult::tokens);
            t.along("width", arch, "down", c -> c.tokens() == t0 && c.k() == k0, CellResult::dSae);
            t.along(
                    "width_at_equal_tokens_per_latent",
                    arch,
                    OPEN,
                    c -> c.k() == k0 && c.tokens() == SeedsSpec.perLatent(t0, n0, c.dSae()),
                    CellResult::dSae);
            t.along("k", arch, "down", c -> c.dSae() == n0 && c.tokens() == t0, CellResult::k);
        }
        t.architectures();
        return t.trends;
    }

    private void along(
            String factor, String arch, String expected, Predicate<CellResult> in, ToDoubleFunction<CellResult> x) {
        List<CellResult> line = cells.stream()
                .filter(c -> c.arch().equals(arch) && in.test(c))
                .sorted(Comparator.comparingDouble(x))
                .toList();
        if (line.size() > 1) {
            add(factor, arch, expected, line, line.stream().mapToDouble(x).toArray());
        }
    }

    /** TopK against each other architecture at the base; the paper saw more shared latents with ReLU and Gated. */
    private void architectures() {
        for (String arch : spec.arch()) {
            if (!arch.equals("topk") && spec.arch().contains("topk")) {
                add(
                        "architecture",
                        "topk, " + arch,
                        SEEN.contains(arch) ? "up" : OPEN,
                        List.of(cell(spec.base("topk")), cell(spec.base(arch))),
                        new double[] {0, 1});
            }
        }
    }

    private CellResult cell(SeedsSpec.Cell c) {
        return cells.stream()
                .filter(r ->
                        r.arch().equals(c.arch()) && r.dSae() == c.dSae() && r.k() == c.k() && r.tokens() == c.tokens())
                .findFirst()
                .orElseThrow();
    }

    private void add(String factor, String arch, String expected, List<CellResult> line, double[] x) {
        Interval difference = SeedStatistics.difference(
                line.getFirst().sharedByPair(), line.getLast().sharedByPair());
        boolean usable = line.stream().allMatch(CellResult::equalL0);
        boolean up = difference.low() > 0;
        boolean down = difference.high() < 0;
        boolean interval = spec.seeds().size() > 2;
        String verdict = !usable || !interval || (!up && !down)
                ? "not shown"
                : expected.equals(OPEN)
                        ? up ? "up" : "down"
                        : up == expected.equals("up") ? "as in the paper" : "opposite to the paper";
        trends.add(new Trend(
                factor,
                arch,
                x,
                line.stream().mapToInt(cells::indexOf).toArray(),
                difference,
                expected,
                verdict,
                usable));
    }
}
