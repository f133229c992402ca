package dev.loupe.graph;

import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.math.VectorOps;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Editor;
import dev.loupe.model.HookPoint;
import dev.loupe.model.KeptPass;
import dev.loupe.model.LogitSeed;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Direct effects: from each target one linear backward pass, many targets in one batch. Attention patterns and norm scales
 * count as constants, gradients end at the outputs of MLPs (but pass skip connections), so what arrives at an MLP's output
 * times a feature's part of it is the feature's direct effect. The prompt runs forward once, as often as a batch has rows.
 */
final class EdgeRows implements AutoCloseable {
    /** The frozen parts: norm scales and attention patterns. */
    private static final Rules FROZEN = new Rules(true, false, false, true);

    /** Behind every editor of the first block, so that skip connections into it count. */
    private static final HookPoint EMBEDDED = HookPoint.of("hook_embed");

    private static final int TOKENS_A_BATCH = 512;

    private final LocalModel local;
    private final int batch;
    private final KeptPass pass;

    EdgeRows(LocalModel local) {
        this.local = local;
        this.batch = Math.max(1, TOKENS_A_BATCH / local.positions());
        int[][] ids = new int[batch][];
        Arrays.fill(ids, local.ids);
        this.pass = local.model.keep(new TokenBatch(ids), Taps.none(), BackwardPlan.KEEP_BYTES);
    }

    /** How many targets a pass takes together. */
    int batch() {
        return batch;
    }

    @Override
    public void close() {
        pass.close();
    }

    /**
     * Edges into features of one layer.
     *
     * @param features at most {@link #batch()}
     * @param rows receives {@code [features, columns]} at the rows
     * @param at the rows' numbers
     */
    void intoFeatures(int[] features, Matrix rows, int[] at) {
        int layer = local.layer(features[0]);
        Sae sae = local.set.layer(layer);
        Taps.Builder flow = Taps.builder();
        flow.edit(inside(layer), g -> {
            for (int b = 0; b < features.length; b++) {
                int p = local.position(features[b]);
                float[] row = g.row(b, p);
                float[] reads = sae.encoderRows().row(local.latent(features[b]));
                for (int i = 0; i < row.length; i++) {
                    row[i] += reads[i];
                }
                g.setRow(b, p, row);
            }
        });
        if (!inside(layer).local().startsWith("ln2")) { // else the gradient must pass that norm, and it is 0 before it
            flow.edit(HookPoint.mlpOut(layer), BackwardPlan.STOP);
        }
        run(flow, layer, null, features.length, rows, at);
    }

    /**
     * Edges into logits.
     *
     * @param seeds gradient of each by the logits before any soft cap
     */
    void intoLogits(List<float[]> seeds, Matrix rows, int[] at) {
        double cap = local.model.logitCap();
        LogitSeed seed = (row, logits, out) -> {
            if (row >= seeds.size()) {
                return 0;
            }
            float[] g = seeds.get(row);
            for (int i = 0; i < g.length; i++) {
                double tanh = cap == 0 ? 0 : logits[i] / cap;
                out[i] = (float) (g[i] / Math.max(1e-12, 1 - tanh * tanh)); // the pass multiplies by the cap's slope
            }
            return 0;
        };
        run(Taps.builder(), local.layers(), seed, seeds.size(), rows, at);
    }

    /** Where what a transcoder reads lies in the residual stream, or behind a norm. */
    private HookPoint inside(int layer) {
        HookPoint in = local.set.hookIn(layer);
        if (!in.local().equals("hook_mlp_in")) {
            return in;
        }
        HookPoint mid = HookPoint.residMid(layer);
        boolean parallel = local.model.hooks().stream().noneMatch(h -> h.hook().equals(mid));
        return parallel ? HookPoint.residPre(layer) : mid;
    }

    private void run(Taps.Builder flow, int below, @Nullable LogitSeed seed, int targets, Matrix rows, int[] at) {
        Set<HookPoint> wrt = new LinkedHashSet<>();
        for (int l = 0; l < below; l++) {
            HookPoint out = HookPoint.mlpOut(l);
            wrt.add(out);
            if (local.set.skips()) {
                skip(flow, l);
            } else {
                flow.edit(out, BackwardPlan.STOP);
            }
        }
        wrt.add(EMBEDDED);
        BackwardPlan plan = new BackwardPlan(seed, FROZEN, wrt, flow.build(), BackwardPlan.KEEP_BYTES);
        Backward back = pass.back(plan);
        List<Activation> outs = new ArrayList<>();
        for (int l = 0; l < below; l++) {
            outs.add(back.gradient(HookPoint.mlpOut(l)));
        }
        Activation bottom = back.gradient(EMBEDDED);
        Parallel.run(targets, b -> rows.setRow(at[b], row(outs, bottom, b)));
    }

    /** The gradient passes the skip connection of a layer's transcoder, and nothing else of its MLP. */
    private void skip(Taps.Builder flow, int layer) {
        Sae sae = local.set.layer(layer);
        HookPoint inside = inside(layer);
        List<float[]> through = new ArrayList<>();
        Editor take = g -> {
            through.clear();
            for (int b = 0; b < g.batch(); b++) {
                for (int p = 0; p < g.positions(); p++) {
                    float[] out = g.row(b, p);
                    float[] in = new float[sae.dIn()];
                    Matrix skip = sae.weights().skip();
                    for (int j = 0; j < out.length; j++) {
                        VectorOps.axpy(out[j], skip.segment(), skip.offset(j), in, 0, in.length);
                    }
                    through.add(in);
                }
            }
        };
        flow.edit(HookPoint.mlpOut(layer), take);
        flow.edit(
                HookPoint.mlpOut(layer),
                inside.local().startsWith("ln2") ? g -> g.segment().fill((byte) 0) : BackwardPlan.STOP);
        flow.edit(inside, g -> {
            for (int b = 0; b < g.batch(); b++) {
                for (int p = 0; p < g.positions(); p++) {
                    float[] row = g.row(b, p);
                    float[] more = through.get(b * g.positions() + p);
                    for (int i = 0; i < row.length; i++) {
                        row[i] += more[i];
                    }
                    g.setRow(b, p, row);
                }
            }
        });
    }

    private float[] row(List<Activation> outs, Activation bottom, int b) {
        float[] row = new float[local.columns()];
        int d = local.set.dOut();
        for (int l = 0; l < outs.size(); l++) {
            Activation g = outs.get(l);
            for (int p = local.first; p < local.positions(); p++) {
                row[local.errorColumn(l, p)] = dot(local.error(l, p), g, b, p, d);
            }
            for (int f = local.start(0); f < local.start(l + 1); f++) {
                int from = local.layer(f);
                if (local.set.writes(from, l)) {
                    Matrix rows = local.set.layer(from).decoderRows();
                    long offset = rows.offset(local.latent(f)) + (from == l ? 0 : (long) (l - from) * d * Matrix.BYTES);
                    row[f] += local.activation(f)
                            * VectorOps.dot(
                                    g.segment(), 4 * g.index(b, local.position(f), 0), rows.segment(), offset, d);
                } else if (from < l) {
                    f = local.start(from + 1) - 1; // no latent of that layer writes here
                }
            }
        }
        for (int p = 0; p < local.positions(); p++) {
            row[local.embeddingColumn(p)] = dot(local.embedding(p), bottom, b, p, d);
        }
        return row;
    }

    private static float dot(float[] a, Activation g, int b, int p, int d) {
        return VectorOps.dot(a, 0, g.segment(), 4 * g.index(b, p, 0), d);
    }
}
