package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.Variations;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Activation patching of one pair: for every patch one corrupted run with it put in. Many runs go in one batch, ordered
 * by layer; what lies before a batch's first layer and before the pair's first different token is computed once. The
 * effect is metric(patched run) − metric(corrupted run).
 */
final class ExactPatching {
    private static final int TOKENS_A_BATCH = 1024;
    private static final int MOST_ROWS = 128;

    private final LanguageModel model;
    private final Runs.Run run;

    ExactPatching(LanguageModel model, Runs.Run run) {
        this.model = model;
        this.run = run;
    }

    /** How many runs a set of patches takes: those that change nothing take none. */
    static long runs(List<? extends Patch> patches) {
        return patches.stream().filter(Patch::changes).count();
    }

    /** Effects of the patches, in their order; progress advances by one for each that changes something. */
    double[] effects(List<? extends Patch> patches, Progress progress, long done) {
        double[] effect = new double[patches.size()];
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < effect.length; i++) {
            if (patches.get(i).changes()) { // else the effect is 0
                order.add(i);
            }
        }
        if (order.isEmpty()) {
            return effect;
        }
        order.sort(Comparator.comparingInt(i -> patches.get(i).hook().layer()));
        int[] corrupt = run.pair().corrupt();
        int start = run.pair().firstDifference();
        int rows = Math.clamp(TOKENS_A_BATCH / (corrupt.length - start), 1, MOST_ROWS);
        double base = run.base();
        try (Variations variations = model.variations(corrupt, start)) {
            for (int from = 0; from < order.size(); from += rows) {
                progress.check();
                List<Integer> batch = order.subList(from, Math.min(order.size(), from + rows));
                List<? extends Patch> part = batch.stream().map(patches::get).toList();
                Forward f = variations.run(
                        part.size(), Math.max(0, part.get(0).hook().layer()), taps(part));
                for (int b = 0; b < part.size(); b++) {
                    effect[batch.get(b)] = run.metric().value(f.lastLogits(b)) - base;
                }
                progress.advance(done + from + part.size());
            }
        }
        return effect;
    }

    private static Taps taps(List<? extends Patch> batch) {
        Map<HookPoint, Map<Integer, Patch>> byHook = new LinkedHashMap<>();
        for (int b = 0; b < batch.size(); b++) {
            byHook.computeIfAbsent(batch.get(b).hook(), h -> new LinkedHashMap<>())
                    .put(b, batch.get(b));
        }
        Taps.Builder taps = Taps.builder();
        byHook.forEach((hook, patches) -> taps.edit(hook, a -> patches.forEach((b, patch) -> patch.put(a, b))));
        return taps.build();
    }
}
