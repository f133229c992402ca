package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The runs of a batch of pairs: the clean ones in one forward, the corrupted ones in another, whose backward pass gives
 * coefficients for every hook.
 */
final class Runs {
    private final LanguageModel model;

    /** Each hook with the one that is read for it. */
    private final Map<HookPoint, HookPoint> hooks = new LinkedHashMap<>();

    private final PatchMetric metric;
    private final long keepBytes;

    Runs(LanguageModel model, Collection<HookPoint> hooks, PatchMetric metric, long keepBytes) {
        this.model = model;
        hooks.forEach(h -> this.hooks.put(h, source(model, h)));
        this.metric = metric;
        this.keepBytes = keepBytes;
    }

    /** The residual stream after a block is that before the next: read once for both. */
    private static HookPoint source(LanguageModel model, HookPoint hook) {
        int next = hook.layer() + 1;
        if (!hook.local().equals("hook_resid_post") || next >= model.config().nLayers()) {
            return hook;
        }
        HookPoint same = HookPoint.residPre(next);
        return model.hooks().stream().anyMatch(h -> h.hook().equals(same)) ? same : hook;
    }

    private Set<HookPoint> read() {
        return new LinkedHashSet<>(hooks.values());
    }

    /**
     * One pair with what is known about it.
     *
     * @param gradients hook → [position][width] (modified) gradient of the metric at the corrupted run; empty if none
     *     were asked for
     */
    record Run(PromptPair pair, References values, Metric metric, Map<HookPoint, float[][]> gradients) {
        /** The metric at the corrupted run: what effects are measured from. */
        double base() {
            return metric.value(values.corruptLogits());
        }
    }

    /** Both forwards, no backward. */
    List<Run> forward(List<PromptPair> pairs) {
        Forward clean = model.forward(tokens(pairs, true), Taps.read(read()), Want.LAST_LOGITS);
        Forward corrupt = model.forward(tokens(pairs, false), Taps.read(read()), Want.LAST_LOGITS);
        List<Run> runs = new ArrayList<>();
        for (int b = 0; b < pairs.size(); b++) {
            runs.add(run(pairs.get(b), clean, corrupt, b, Map.of()));
        }
        return runs;
    }

    /** Two forwards and one backward for all hooks, whatever their number. */
    List<Run> backward(List<PromptPair> pairs, Rules rules) {
        Forward clean = model.forward(tokens(pairs, true), Taps.read(read()), Want.LAST_LOGITS);
        List<Metric> metrics = metrics(pairs, clean);
        BackwardPlan plan = new BackwardPlan(
                (row, logits, out) -> metrics.get(row).seed(0, logits, out), rules, read(), Taps.none(), keepBytes);
        Backward back = model.backward(tokens(pairs, false), Taps.read(read()), plan);
        List<Run> runs = new ArrayList<>();
        for (int b = 0; b < pairs.size(); b++) {
            runs.add(run(pairs.get(b), clean, back.forward(), b, all(back::gradient, b)));
        }
        return runs;
    }

    private List<Metric> metrics(List<PromptPair> pairs, Forward clean) {
        List<Metric> metrics = new ArrayList<>();
        for (int b = 0; b < pairs.size(); b++) {
            metrics.add(Metric.of(metric, pairs.get(b), clean.lastLogits(b)));
        }
        return metrics;
    }

    private Run run(PromptPair pair, Forward clean, Forward corrupt, int b, Map<HookPoint, float[][]> gradients) {
        References values = new References(
                all(clean::activation, b), all(corrupt::activation, b), clean.lastLogits(b), corrupt.lastLogits(b));
        return new Run(pair, values, Metric.of(metric, pair, values.cleanLogits()), gradients);
    }

    /** What every hook has in a row of the batch; not to be changed. */
    private Map<HookPoint, float[][]> all(Function<HookPoint, Activation> of, int b) {
        Map<HookPoint, float[][]> known = new HashMap<>();
        Map<HookPoint, float[][]> all = new HashMap<>();
        hooks.forEach((hook, source) -> all.put(hook, known.computeIfAbsent(source, s -> rows(of.apply(s), b))));
        return all;
    }

    static TokenBatch tokens(List<PromptPair> pairs, boolean clean) {
        return new TokenBatch(
                pairs.stream().map(p -> clean ? p.clean() : p.corrupt()).toArray(int[][]::new));
    }

    static float[][] rows(Activation a, int b) {
        float[][] rows = new float[a.length(b)][];
        for (int p = 0; p < rows.length; p++) {
            rows[p] = a.row(b, p);
        }
        return rows;
    }
}
