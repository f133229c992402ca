package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * How nodes act through one another. The weight from u to v is the part of u's estimated effect that goes through v and
 * reaches it past no third SAE: Σ over positions of Δu · ∂v/∂u · c_v, with c_v the coefficient of the metric by v at the
 * corrupted run. Through an encoder the gradient is its mask (of ReLU, JumpReLU and TopK alike); what a latent does not
 * take flows through the error.
 */
final class CircuitEdges {
    private static final int ROWS = 32;

    private final LanguageModel model;
    private final Map<String, Sae> saes;
    private final Map<HookPoint, String> byHook = new HashMap<>();
    private final List<HookPoint> hooks = new ArrayList<>();
    private final Rules rules;

    CircuitEdges(LanguageModel model, Map<String, Sae> saes, Rules rules) {
        this.model = model;
        this.saes = saes;
        this.rules = rules;
        saes.forEach((name, sae) -> byHook.put(HookPoint.of(sae.hookName()), name));
        hooks.addAll(byHook.keySet());
        hooks.sort(Comparator.comparingInt(CircuitNodes::order));
    }

    /** Edges between the chosen nodes, means over pairs, largest first. */
    List<Circuit.Edge> of(List<CircuitNodes.Effect> nodes, List<PromptPair> pairs, PatchMetric metric, Progress p) {
        Map<String, List<CircuitNodes.Effect>> bySae = new LinkedHashMap<>();
        nodes.forEach(
                n -> bySae.computeIfAbsent(n.sae(), s -> new ArrayList<>()).add(n));
        Map<String, Double> weights = new TreeMap<>();
        p.stage("edges", pairs.size(), "pairs");
        Runs runs = new Runs(model, hooks, metric, BackwardPlan.KEEP_BYTES);
        for (int i = 0; i < pairs.size(); i++) {
            p.check();
            Runs.Run run = runs.backward(List.of(pairs.get(i)), rules).get(0);
            Map<String, Latents> latents = new HashMap<>();
            saes.forEach((name, sae) -> latents.put(name, Latents.of(model, sae, run.values())));
            for (int h = 1; h < hooks.size(); h++) {
                List<CircuitNodes.Effect> targets =
                        bySae.getOrDefault(Objects.requireNonNull(byHook.get(hooks.get(h))), List.of());
                for (int from = 0; from < targets.size(); from += ROWS) {
                    into(run, h, targets.subList(from, Math.min(targets.size(), from + ROWS)), bySae, latents, weights);
                }
            }
            p.advance(i + 1);
        }
        List<Circuit.Edge> edges = new ArrayList<>();
        weights.forEach((key, w) -> {
            String[] ends = key.split("\t");
            if (w != 0) {
                edges.add(new Circuit.Edge(ends[0], ends[1], w / pairs.size()));
            }
        });
        edges.sort(Comparator.comparingDouble(e -> -Math.abs(e.weight())));
        return edges;
    }

    private void into(
            Runs.Run run,
            int h,
            List<CircuitNodes.Effect> targets,
            Map<String, List<CircuitNodes.Effect>> bySae,
            Map<String, Latents> latents,
            Map<String, Double> weights) {
        HookPoint hook = hooks.get(h);
        Sae sae = Objects.requireNonNull(saes.get(byHook.get(hook)));
        List<float[][]> seeds = new ArrayList<>();
        targets.forEach(t -> seeds.add(seed(sae, t.latent(), run, hook)));
        List<HookPoint> upstream = hooks.subList(0, h);
        Taps.Builder flow = Taps.builder().edit(hook, g -> add(g, seeds));
        upstream.forEach(u -> flow.edit(u, BackwardPlan.STOP));
        int[][] ids = new int[targets.size()][];
        Arrays.fill(ids, run.pair().corrupt());
        Backward back =
                model.backward(new TokenBatch(ids), Taps.none(), BackwardPlan.from(flow.build(), rules, upstream));
        for (HookPoint u : upstream) {
            String name = Objects.requireNonNull(byHook.get(u));
            Latents values = Objects.requireNonNull(latents.get(name));
            for (CircuitNodes.Effect source : bySae.getOrDefault(name, List.of())) {
                for (int row = 0; row < targets.size(); row++) {
                    double w = weight(source, values, run, u, back.gradient(u), row);
                    weights.merge(id(source) + "\t" + id(targets.get(row)), w, Double::sum);
                }
            }
        }
    }

    static String id(CircuitNodes.Effect e) {
        return e.sae() + "/" + (e.latent() == CircuitNodes.ERROR ? "error" : Integer.toString(e.latent()));
    }

    /**
     * [position][width] gradient of the metric by x through one node v of an SAE alone: for a latent c · mask · W_enc row,
     * for the error what the latents leave of the whole.
     */
    private static float[][] seed(Sae sae, int latent, Runs.Run run, HookPoint hook) {
        float[][] g = Objects.requireNonNull(run.gradients().get(hook));
        SparseCodes codes = sae.encode(Matrix.copyOf(run.values().corrupt(hook)));
        float[][] seed = new float[g.length][sae.dIn()];
        for (int p = 0; p < g.length; p++) {
            if (latent == CircuitNodes.ERROR) {
                seed[p] = g[p].clone();
            }
            for (int e = codes.start(p); e < codes.end(p); e++) {
                int id = codes.ids()[e];
                if (latent != CircuitNodes.ERROR && latent != id) {
                    continue;
                }
                double c = 0;
                float[] d = sae.decoderRows().row(id);
                for (int i = 0; i < d.length; i++) {
                    c += (double) d[i] * g[p][i];
                }
                double by = latent == CircuitNodes.ERROR ? -c : c;
                float[] reads = sae.encoderRows().row(id);
                for (int i = 0; i < reads.length; i++) {
                    seed[p][i] += (float) (by * reads[i]);
                }
            }
        }
        return seed;
    }

    private static void add(Activation g, List<float[][]> seeds) {
        for (int b = 0; b < seeds.size(); b++) {
            float[][] seed = seeds.get(b);
            for (int p = 0; p < seed.length; p++) {
                float[] row = g.row(b, p);
                for (int i = 0; i < row.length; i++) {
                    row[i] += seed[p][i];
                }
                g.setRow(b, p, row);
            }
        }
    }

    private static double weight(
            CircuitNodes.Effect source, Latents values, Runs.Run run, HookPoint hook, Activation g, int row) {
        double sum = 0;
        float[][] clean = run.values().clean(hook);
        float[][] corrupt = run.values().corrupt(hook);
        float[][] change = source.latent() == CircuitNodes.ERROR ? values.change() : new float[0][];
        float[] direction = source.latent() == CircuitNodes.ERROR ? new float[0] : values.direction(source.latent());
        for (int p = 0; p < clean.length; p++) {
            double by = source.latent() == CircuitNodes.ERROR ? 1 : values.change(p, source.latent());
            if (by == 0) {
                continue;
            }
            float[] c = g.row(row, p);
            for (int i = 0; i < c.length; i++) {
                double d = source.latent() == CircuitNodes.ERROR
                        ? (double) clean[p][i] - corrupt[p][i] - change[p][i]
                        : by * direction[i];
                sum += d * c[i];
            }
        }
        return sum;
    }

    /** Refuses what the derivative above is not right for. */
    static void check(Sae sae) {
        if (sae.architecture() != Architecture.RELU
                && sae.architecture() != Architecture.TOPK
                && sae.architecture() != Architecture.JUMPRELU) {
            throw new dev.loupe.base.UsageException("Edges through SAEs of architecture "
                    + sae.architecture().id() + " are not known; leave them out with --no-edges.");
        }
    }
}
