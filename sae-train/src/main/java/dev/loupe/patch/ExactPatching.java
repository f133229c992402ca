package dev.loupe.patch;

import dev.loupe.base.Progress;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Activation patching: for every patch one corrupted run with it put in, many runs in one batch. The effect is
 * metric(patched run) − metric(corrupted run).
 */
final class ExactPatching {
    private static final int TOKENS_A_BATCH = 2048;
    private static final int MOST_ROWS = 64;

    private final LanguageModel model;
    private final int[] corrupt;
    private final Metric metric;
    private final double base;

    ExactPatching(LanguageModel model, int[] corrupt, Metric metric, double base) {
        this.model = model;
        this.corrupt = corrupt;
        this.metric = metric;
        this.base = base;
    }

    /** Effects of the patches, in their order. */
    double[] effects(List<? extends Patch> patches, Progress progress) {
        double[] effect = new double[patches.size()];
        int rows = Math.clamp(TOKENS_A_BATCH / corrupt.length, 1, MOST_ROWS);
        progress.stage("patching exactly", patches.size(), "runs");
        for (int from = 0; from < effect.length; from += rows) {
            progress.check();
            List<? extends Patch> batch = patches.subList(from, Math.min(effect.length, from + rows));
            Forward f = model.forward(tokens(batch.size()), taps(batch), Want.LAST_LOGITS);
            for (int b = 0; b < batch.size(); b++) {
                effect[from + b] = metric.value(f.lastLogits(b)) - base;
            }
            progress.advance(from + batch.size());
        }
        return effect;
    }

    private TokenBatch tokens(int rows) {
        int[][] ids = new int[rows][];
        Arrays.fill(ids, corrupt);
        return new TokenBatch(ids);
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
