package dev.loupe.patch;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which parts of the model, given their value from the clean prompt, make the corrupted run behave like the clean one.
 * Relevance and attribution patching take two forwards and one backward whatever the number of cells; exact patching
 * takes one run per cell; integrated gradients takes a backward of {@code steps} rows per hook. With several pairs all
 * scores are means over the pairs.
 */
public final class Patching {
    private Patching() {}

    /**
     * Answers one request.
     *
     * @param saes opens an SAE by name; asked only for the sites {@code sae:NAME} and {@code error:NAME}
     * @throws UsageException if the request does not fit the model, in one sentence
     */
    public static PatchResult run(LanguageModel model, PatchRequest request, Function<String, Sae> saes, Progress p) {
        request.check();
        return run(model, request, PromptPair.all(model, request), saes, p);
    }

    /** The same with pairs that are tokens already. */
    static PatchResult run(
            LanguageModel model, PatchRequest request, List<PromptPair> all, Function<String, Sae> saes, Progress p) {
        PromptPair.checkLengths(all);
        List<PromptPair> pairs = request.onlyCorrect() ? CorrectPairs.of(model, all, p) : all;
        Sites sites = new Sites(model, request.sites(), saes);
        long start = System.nanoTime();
        PairWork work = new PairWork(model, request, pairs, sites, p);
        Sums sums = new Sums(PatchMethod.of(request.method()));
        p.stage("scores", pairs.size(), "pairs");
        work.each(true, (one, i) -> {
            sums.add(one);
            p.advance(i + 1);
        });
        double factor = factor(PatchMetric.of(request.metric()), pairs, sums) / pairs.size();
        boolean exactly = PatchMethod.of(request.method()) == PatchMethod.AP;
        if (exactly) {
            exact(model, work, sums, p);
        }
        Map<String, double[][]> grids = sums.grids(factor);
        double seconds = (System.nanoTime() - start) / 1e9;
        Verification v = new Verification(List.of(), Map.of());
        Set<Nodes.Key> chosen = exactly ? sums.nodes.mostChanged() : sums.nodes.largest();
        if (request.verify() != 0) {
            v = Verification.of(model, work, grids, sums.nodes, chosen, factor, request, p);
        }
        boolean withExact = exactly || request.verify() != 0;
        return new PatchResult(
                PatchResult.FORMAT,
                "",
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                request,
                model.weightsChecksum(),
                sums.mean(PatchResult.Outcome::cleanDifference),
                sums.mean(PatchResult.Outcome::corruptDifference),
                sums.level(sums.cleanMetric, request, factor, pairs.size()),
                sums.level(sums.corruptMetric, request, factor, pairs.size()),
                PatchMetric.of(request.metric()).unit(),
                model.tokenizer().pieces(pairs.get(0).clean()),
                model.tokenizer().pieces(pairs.get(0).corrupt()),
                pairs.get(0).clean(),
                pairs.get(0).corrupt(),
                grids,
                sums.axes,
                sums.nodes.results(chosen, factor, pairs.size(), withExact, !exactly),
                v.cells(),
                v.agreement(),
                seconds,
                List.copyOf(sums.outcomes),
                Caveats.of(sums.outcomes, all.size()));
    }

    private static double factor(PatchMetric metric, List<PromptPair> pairs, Sums sums) {
        if (metric != PatchMetric.NORMALISED) {
            return 1;
        }
        double range = (sums.cleanMetric - sums.corruptMetric) / pairs.size();
        if (range == 0) {
            throw new LoupeException("The clean and the corrupted run have the same logit difference"
                    + " (" + sums.corruptMetric / pairs.size()
                    + "), so it cannot be normalised; use --metric difference.");
        }
        return 1 / range;
    }

    private static void exact(LanguageModel model, PairWork work, Sums sums, Progress p) {
        Set<Nodes.Key> chosen = sums.nodes.mostChanged();
        long[] done = {0};
        long[] all = {0};
        work.each(false, (one, i) -> all[0] += ExactPatching.runs(patches(one, chosen)));
        p.stage("patching exactly", all[0], "runs");
        work.each(false, (one, i) -> {
            List<Patch> patches = patches(one, chosen);
            double[] effects = new ExactPatching(model, one.run()).effects(patches, p, done[0]);
            done[0] += ExactPatching.runs(patches);
            for (int k = 0; k < effects.length; k++) {
                if (patches.get(k) instanceof Cell c) {
                    sums.grid(c.site())[c.row()][c.column()] += effects[k];
                } else if (patches.get(k) instanceof Nodes.Candidate n) {
                    sums.nodes.addExact(n.key(), effects[k]);
                }
            }
        });
    }

    private static List<Patch> patches(PairWork.One one, Set<Nodes.Key> chosen) {
        List<Patch> patches = new ArrayList<>();
        one.what().sites().forEach(s -> patches.addAll(Cell.all(s)));
        one.what().nodes().stream().filter(n -> chosen.contains(n.key())).forEach(patches::add);
        return patches;
    }

    /** What adds up over pairs. */
    private static final class Sums {
        private final PatchMethod method;
        private final Map<String, double[][]> grids = new LinkedHashMap<>();
        private final Map<String, PatchResult.Axes> axes = new LinkedHashMap<>();
        private final NodeSums nodes = new NodeSums();
        private final List<PatchResult.Outcome> outcomes = new ArrayList<>();
        private double cleanMetric;
        private double corruptMetric;

        private Sums(PatchMethod method) {
            this.method = method;
        }

        private double[][] grid(Site s) {
            return grids.computeIfAbsent(s.name(), n -> new double[s.rows()][s.columns()]);
        }

        private void add(PairWork.One one) {
            cleanMetric += one.run().metric().value(one.run().values().cleanLogits());
            corruptMetric += one.run().base();
            outcomes.add(PatchResult.Outcome.of(one.run()));
            for (Site s : one.what().sites()) {
                axes.putIfAbsent(s.name(), s.axes());
                double[][] grid = grid(s);
                for (int row = 0; row < s.rows() && method != PatchMethod.AP; row++) {
                    for (int column = 0; column < s.columns(); column++) {
                        if (s.changes(row, column)) {
                            grid[row][column] += one.scores().cell(s, row, column);
                        }
                    }
                }
            }
            for (Nodes.Candidate n : one.what().nodes()) {
                nodes.add(n, method == PatchMethod.AP ? null : one.scores().node(n));
            }
        }

        private Map<String, double[][]> grids(double factor) {
            Map<String, double[][]> scaled = new LinkedHashMap<>();
            grids.forEach((site, grid) -> {
                double[][] means = new double[grid.length][];
                for (int row = 0; row < grid.length; row++) {
                    means[row] = new double[grid[row].length];
                    for (int column = 0; column < means[row].length; column++) {
                        means[row][column] = grid[row][column] * factor;
                        if (!Double.isFinite(means[row][column])) {
                            throw new LoupeException("The score of " + site + " row " + row + " column " + column
                                    + " is not a number: the model's activations overflow on these prompts.");
                        }
                    }
                }
                scaled.put(site, means);
            });
            return scaled;
        }

        /** Mean of the metric in its own unit. */
        private double level(double sum, PatchRequest request, double factor, int pairs) {
            boolean normalised = PatchMetric.of(request.metric()) == PatchMetric.NORMALISED;
            return normalised ? (sum - corruptMetric) * factor : sum / pairs;
        }

        private @Nullable Double mean(Function<PatchResult.Outcome, @Nullable Double> of) {
            double sum = 0;
            for (PatchResult.Outcome o : outcomes) {
                Double value = of.apply(o);
                if (value == null) {
                    return null;
                }
                sum += value;
            }
            return sum / outcomes.size();
        }
    }
}
