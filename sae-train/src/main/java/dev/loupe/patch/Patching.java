package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.sae.Sae;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which parts of the model, given their value from the clean prompt, make the corrupted run behave like the clean one.
 * Relevance and attribution patching take two forwards and one backward whatever the number of cells; exact patching
 * takes one run per cell; integrated gradients takes a backward of {@code steps} rows per hook.
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
        PromptPair pair = PromptPair.of(model, request);
        Sites sites = new Sites(model, request.sites(), saes);
        p.stage("reference runs", 2, "runs");
        long start = System.nanoTime();
        References runs = References.of(model, pair, sites.hooks());
        p.advance(2);
        PatchMetric kind = PatchMetric.of(request.metric());
        Metric metric = Metric.of(kind, pair, runs.cleanLogits(), runs.corruptLogits());
        double base = metric.value(runs.corruptLogits());
        Sites.Resolved what = sites.resolve(runs);
        ExactPatching exact = new ExactPatching(model, pair.corrupt(), metric, base);
        Scores scores = new Scores(model, pair, metric, exact, request, p);
        Map<String, double[][]> grids = scores.grids(what.sites());
        List<PatchResult.Node> nodes = scores.nodes(what.nodes());
        double seconds = (System.nanoTime() - start) / 1e9;

        List<PatchResult.Verified> verified = List.of();
        Map<String, Agreement> agreement = Map.of();
        if (request.verify() != 0) {
            Verification v = Verification.of(what.sites(), grids, exact, request, p);
            verified = v.cells();
            agreement = v.agreement();
        }
        Map<String, PatchResult.Axes> axes = new LinkedHashMap<>();
        what.sites().forEach(s -> axes.put(s.name(), s.axes()));
        return new PatchResult(
                PatchResult.FORMAT,
                "",
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                request,
                model.weightsChecksum(),
                difference(pair, runs.cleanLogits()),
                difference(pair, runs.corruptLogits()),
                metric.value(runs.cleanLogits()),
                base,
                kind.unit(),
                model.tokenizer().pieces(pair.clean()),
                model.tokenizer().pieces(pair.corrupt()),
                pair.clean(),
                pair.corrupt(),
                grids,
                axes,
                nodes,
                verified,
                agreement,
                seconds);
    }

    private static @Nullable Double difference(PromptPair pair, float[] logits) {
        return pair.answer() < 0 || pair.wrong() < 0 ? null : Metric.difference(pair, logits);
    }

    /** Scores of one request by its method. */
    private static final class Scores {
        private final ExactPatching exact;
        private final PatchRequest request;
        private final PatchMethod method;
        private final Gradients gradients;
        private final Progress progress;
        private final Map<HookPoint, float[][]> byHook = new HashMap<>();
        private final Map<String, float[][]> byRow = new HashMap<>();

        Scores(
                LanguageModel model,
                PromptPair pair,
                Metric metric,
                ExactPatching exact,
                PatchRequest request,
                Progress progress) {
            this.exact = exact;
            this.request = request;
            this.method = PatchMethod.of(request.method());
            this.gradients = new Gradients(model, pair.corrupt(), metric);
            this.progress = progress;
        }

        Map<String, double[][]> grids(List<Site> sites) {
            Map<String, double[][]> grids = new LinkedHashMap<>();
            if (method == PatchMethod.AP) {
                List<Cell> cells = new ArrayList<>();
                sites.forEach(s -> cells.addAll(Cell.all(s)));
                double[] effects = exact.effects(cells, progress);
                for (Site s : sites) {
                    grids.put(s.name(), new double[s.rows()][s.columns()]);
                }
                for (int i = 0; i < effects.length; i++) {
                    Cell c = cells.get(i);
                    Objects.requireNonNull(grids.get(c.site().name()))[c.row()][c.column()] = effects[i];
                }
                return grids;
            }
            prepare(sites);
            for (Site s : sites) {
                double[][] grid = new double[s.rows()][s.columns()];
                for (int row = 0; row < s.rows(); row++) {
                    float[][] c = coefficient(s.name(), s.hook(row));
                    for (int column = 0; column < s.columns(); column++) {
                        grid[row][column] = s.estimate(row, column, c);
                    }
                }
                grids.put(s.name(), grid);
            }
            return grids;
        }

        List<PatchResult.Node> nodes(List<Nodes.Candidate> all) {
            if (all.isEmpty()) {
                return List.of();
            }
            if (method == PatchMethod.AP) {
                List<Nodes.Candidate> some = Nodes.largest(all);
                double[] effects = exact.effects(some, progress);
                List<PatchResult.Node> nodes = new ArrayList<>();
                for (int i = 0; i < effects.length; i++) {
                    nodes.add(some.get(i)
                            .node(effects[i], effects[i], new double[some.get(i).clean().length]));
                }
                nodes.sort(Comparator.comparingDouble(n -> -Math.abs(n.score())));
                return List.copyOf(nodes.subList(0, Math.min(Nodes.KEPT, nodes.size())));
            }
            List<Nodes.Scored> top = Nodes.top(all, c -> coefficient(c.site(), c.hook()));
            double[] effects = request.verify() == 0
                    ? new double[0]
                    : exact.effects(top.stream().map(Nodes.Scored::candidate).toList(), progress);
            List<PatchResult.Node> nodes = new ArrayList<>();
            for (int i = 0; i < top.size(); i++) {
                Nodes.Scored s = top.get(i);
                nodes.add(s.candidate().node(s.score(), effects.length == 0 ? null : effects[i], s.byPosition()));
            }
            return List.copyOf(nodes);
        }

        private void prepare(List<Site> sites) {
            if (method == PatchMethod.IG) {
                int rows = sites.stream().mapToInt(Site::rows).sum();
                progress.stage("integrating gradients", rows, "hooks");
                int done = 0;
                for (Site s : sites) {
                    for (int row = 0; row < s.rows(); row++) {
                        byRow.put(
                                s.name() + " " + s.hook(row).name(),
                                gradients.alongTheWay(s, row, request.steps(), progress));
                        progress.advance(++done);
                    }
                }
                return;
            }
            progress.stage("backward", 1, "pass");
            Rules rules = method == PatchMethod.RELP ? PatchRules.of(request.rules()) : Rules.NONE;
            List<HookPoint> hooks = new ArrayList<>();
            for (Site s : sites) {
                for (int row = 0; row < s.rows(); row++) {
                    if (!hooks.contains(s.hook(row))) {
                        hooks.add(s.hook(row));
                    }
                }
            }
            byHook.putAll(gradients.atCorrupt(hooks, rules));
            progress.advance(1);
        }

        private float[][] coefficient(String site, HookPoint hook) {
            float[][] own = byRow.get(site + " " + hook.name());
            return own != null ? own : Objects.requireNonNull(byHook.get(hook));
        }
    }
}
