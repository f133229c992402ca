package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Editor;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** The two corrections of attribution patching for one pair (AtP*, arXiv 2403.00745, section 3). */
final class AtpStar {
    private static final int TOKENS_A_BATCH = 1024;

    private final LanguageModel model;
    private final Runs.Run run;
    private final PatchMethod method;
    private final Progress progress;
    private final int layers;

    AtpStar(LanguageModel model, Runs.Run run, PatchMethod method, Progress progress) {
        this.model = model;
        this.run = run;
        this.method = method;
        this.progress = progress;
        this.layers = model.config().nLayers();
    }

    /** Estimates at the hooks of a request. */
    Estimate estimate(List<HookPoint> hooks) {
        List<HookPoint> fixed = hooks.stream()
                .filter(h -> method.fixesPatterns()
                        && (h.local().equals("attn.hook_q") || h.local().equals("attn.hook_k")))
                .toList();
        Set<HookPoint> wanted = new LinkedHashSet<>(hooks);
        fixed.forEach(h -> wanted.add(pattern(h)));
        List<Map<HookPoint, float[][]>> sets = method.dropsLayers() ? dropped(wanted) : List.of(plain(wanted));
        Map<HookPoint, float[][]> change = new HashMap<>();
        for (int from = 0; from < fixed.size(); from += rows()) {
            change.putAll(changes(fixed.subList(from, Math.min(fixed.size(), from + rows()))));
        }
        List<Estimate> estimates = new ArrayList<>();
        for (Map<HookPoint, float[][]> g : sets) {
            Map<HookPoint, float[][]> patterns = new HashMap<>();
            fixed.forEach(h -> patterns.put(h, Objects.requireNonNull(g.get(pattern(h)))));
            estimates.add(new Estimate.Fixed(
                    change, patterns, new Estimate.Linear(g), model.config().nHeads()));
        }
        return method.dropsLayers() ? new Estimate.Dropped(estimates) : estimates.get(0);
    }

    private static HookPoint pattern(HookPoint queriesOrKeys) {
        return HookPoint.block(queriesOrKeys.layer(), "attn.hook_pattern");
    }

    private int rows() {
        return Math.max(1, TOKENS_A_BATCH / run.pair().corrupt().length);
    }

    private TokenBatch copies(int rows) {
        int[][] ids = new int[rows][];
        Arrays.fill(ids, run.pair().corrupt());
        return new TokenBatch(ids);
    }

    private Map<HookPoint, float[][]> plain(Set<HookPoint> wanted) {
        Backward back = model.backward(copies(1), Taps.none(), BackwardPlan.of(run.metric(), Rules.NONE, wanted));
        Map<HookPoint, float[][]> all = new HashMap<>();
        wanted.forEach(h -> all.put(h, Runs.rows(back.gradient(h), 0)));
        return all;
    }

    /** One set of gradients for each layer, without what flows through what that layer adds: row l drops layer l. */
    private List<Map<HookPoint, float[][]>> dropped(Set<HookPoint> wanted) {
        List<Map<HookPoint, float[][]>> sets = new ArrayList<>();
        for (int from = 0; from < layers; from += rows()) {
            progress.check();
            int first = from;
            int n = Math.min(rows(), layers - from);
            Taps.Builder flow = Taps.builder();
            for (int b = 0; b < n; b++) {
                int row = b;
                Editor drop = g -> zero(g, row);
                flow.edit(HookPoint.attnOut(first + b), drop).edit(HookPoint.mlpOut(first + b), drop);
            }
            BackwardPlan plan =
                    BackwardPlan.of(run.metric(), Rules.NONE, wanted).withFlow(flow.build());
            Backward back = model.backward(copies(n), Taps.none(), plan);
            for (int b = 0; b < n; b++) {
                int layer = first + b;
                Map<HookPoint, float[][]> all = new HashMap<>();
                for (HookPoint h : wanted) {
                    float[][] rows = Runs.rows(back.gradient(h), b);
                    boolean added = h.equals(HookPoint.attnOut(layer)) || h.equals(HookPoint.mlpOut(layer));
                    all.put(h, added ? new float[rows.length][rows[0].length] : rows);
                }
                sets.add(all);
            }
        }
        return sets;
    }

    private static void zero(Activation g, int row) {
        for (int p = 0; p < g.positions(); p++) {
            g.setRow(row, p, new float[g.width()]);
        }
    }

    /**
     * How each layer's pattern changes when its queries (or keys) are those of the clean run: one row for each hook, and a
     * last one that is not patched, so that both sides of a difference are rounded alike.
     */
    private Map<HookPoint, float[][]> changes(List<HookPoint> hooks) {
        progress.check();
        Taps.Builder taps = Taps.builder();
        for (int i = 0; i < hooks.size(); i++) {
            int row = i;
            float[][] clean = run.values().clean(hooks.get(i));
            taps.read(pattern(hooks.get(i))).edit(hooks.get(i), a -> {
                for (int p = 0; p < clean.length; p++) {
                    a.setRow(row, p, clean[p]);
                }
            });
        }
        Forward patched = model.forward(copies(hooks.size() + 1), taps.build(), Want.NOTHING);
        Map<HookPoint, float[][]> change = new HashMap<>();
        for (int i = 0; i < hooks.size(); i++) {
            float[][] from = Runs.rows(patched.activation(pattern(hooks.get(i))), hooks.size());
            float[][] to = Runs.rows(patched.activation(pattern(hooks.get(i))), i);
            for (int p = 0; p < to.length; p++) {
                for (int k = 0; k < to[p].length; k++) {
                    to[p][k] -= from[p][k];
                }
            }
            change.put(hooks.get(i), to);
        }
        return change;
    }
}
