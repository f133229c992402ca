package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Effects of all latents and errors of some SAEs by one method: the nodes a circuit is chosen from. */
public final class CircuitNodes {
    /** The number that stands for an SAE's error. */
    public static final int ERROR = -1;

    private CircuitNodes() {}

    /**
     * A node with its effect.
     *
     * @param sae its SAE
     * @param latent its number, or {@link #ERROR}
     * @param byPosition effects at every position, means over pairs
     */
    public record Effect(String sae, int latent, double[] byPosition) {
        /** Over all positions. */
        public double total() {
            double sum = 0;
            for (double v : byPosition) {
                sum += v;
            }
            return sum;
        }
    }

    /** All nodes that differ between clean and corrupted runs, largest effect first. */
    static List<Effect> of(
            LanguageModel model,
            PatchRequest request,
            List<PromptPair> pairs,
            Map<String, Sae> saes,
            Progress progress) {
        List<String> names = new ArrayList<>();
        saes.keySet().forEach(s -> names.addAll(List.of("sae:" + s, "error:" + s)));
        PatchRequest at = request.withSites(names.toArray(String[]::new));
        Sites sites = new Sites(model, names, n -> Objects.requireNonNull(saes.get(n)));
        PairWork work = new PairWork(model, at, pairs, sites, progress);
        boolean exact = PatchMethod.of(request.method()) == PatchMethod.AP;
        Map<String, Effect> sums = new LinkedHashMap<>();
        int positions = pairs.get(0).clean().length;
        long[] done = {0};
        progress.stage("effects by " + request.method(), exact ? 0 : pairs.size(), exact ? "runs" : "pairs");
        work.each(!exact, (one, index) -> {
            List<Patch> patches = new ArrayList<>(one.what().nodes());
            one.what().sites().stream()
                    .filter(s -> s.name().startsWith("error:"))
                    .forEach(s -> patches.addAll(Cell.all(s)));
            double[] effects =
                    exact ? new ExactPatching(model, one.run()).effects(patches, progress, done[0]) : new double[0];
            done[0] += exact ? ExactPatching.runs(patches) : 0;
            for (int i = 0; i < patches.size(); i++) {
                if (patches.get(i) instanceof Nodes.Candidate n) {
                    double[] sum = sum(sums, n.site().substring("sae:".length()), n.index(), positions);
                    if (exact) { // one run for all positions: its effect stands at the one that changes most
                        sum[peak(n)] += effects[i] / pairs.size();
                    } else {
                        double[] scores = one.scores().node(n);
                        for (int p = 0; p < positions; p++) {
                            sum[p] += scores[p] / pairs.size();
                        }
                    }
                } else if (patches.get(i) instanceof Cell c && c.changes()) {
                    double value = exact ? effects[i] : one.scores().cell(c.site(), c.row(), c.column());
                    sum(sums, c.site().name().substring("error:".length()), ERROR, positions)[c.column()] +=
                            value / pairs.size();
                }
            }
            if (!exact) {
                progress.advance(index + 1);
            }
        });
        return sums.values().stream()
                .sorted(Comparator.comparingDouble((Effect e) -> -Math.abs(e.total()))
                        .thenComparing(Effect::sae)
                        .thenComparingInt(Effect::latent))
                .toList();
    }

    private static int peak(Nodes.Candidate n) {
        int peak = 0;
        for (int p = 0; p < n.clean().length; p++) {
            if (Math.abs(n.clean()[p] - n.corrupt()[p]) > Math.abs(n.clean()[peak] - n.corrupt()[peak])) {
                peak = p;
            }
        }
        return peak;
    }

    private static double[] sum(Map<String, Effect> sums, String sae, int latent, int positions) {
        return sums.computeIfAbsent(sae + "/" + latent, k -> new Effect(sae, latent, new double[positions]))
                .byPosition();
    }

    /** The hook of an SAE, in the order of the forward pass: attention, MLP, then the residual stream of a layer. */
    static int order(HookPoint hook) {
        int within = switch (hook.local()) {
            case "hook_resid_pre" -> 0;
            case "hook_attn_out" -> 1;
            case "hook_resid_mid" -> 2;
            case "hook_mlp_out" -> 3;
            case "hook_resid_post" -> 4;
            default -> -1;
        };
        return within < 0 ? -1 : Math.max(0, hook.layer()) * 5 + within;
    }
}
