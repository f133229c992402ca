package dev.loupe.patch;

import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Why an estimate and the exact effect may differ: a softmax that is nearly 0 or 1 has almost no gradient although
 * changing it would matter (arXiv 2403.00745, section 3.1). Looks at the corrupted run of the first pair.
 *
 * @param patterns by layer [query position][head · key]; empty for models without attention patterns
 * @param heads query heads
 */
record Saturation(List<float[][]> patterns, int heads) {
    private static final float NEARLY_ALL = 0.9f;

    static Saturation of(LanguageModel model, Runs.Run run) {
        int layers = model.config().nLayers();
        List<HookPoint> hooks = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            HookPoint hook = HookPoint.block(layer, "attn.hook_pattern");
            if (model.hooks().stream().anyMatch(h -> h.hook().equals(hook))) {
                hooks.add(hook);
            }
        }
        if (hooks.size() < layers) {
            return new Saturation(List.of(), 1);
        }
        Forward f = model.forward(TokenBatch.of(run.pair().corrupt()), Taps.read(hooks), Want.NOTHING);
        return new Saturation(
                hooks.stream().map(h -> Runs.rows(f.activation(h), 0)).toList(),
                model.config().nHeads());
    }

    /** The head behind a cell whose pattern is most saturated at the cell's position, in words; null if none is. */
    @Nullable String hint(Cell cell) {
        int from = Math.max(0, cell.hook().layer());
        boolean heads = cell.site().axes().columns().equals("head");
        float most = NEARLY_ALL;
        String found = null;
        for (int layer = from; layer < patterns.size() && !(heads && layer > from); layer++) {
            float[][] pattern = patterns.get(layer);
            int keys = pattern[0].length / this.heads;
            for (int q = 1; q < pattern.length; q++) { // the first position can only look at itself
                for (int i = 0; i < pattern[q].length; i++) {
                    boolean here = heads
                            ? i / keys / (this.heads / cell.site().columns()) == cell.column()
                            : i % keys == cell.column();
                    if (here && pattern[q][i] > most) {
                        most = pattern[q][i];
                        found = String.format(
                                Locale.ROOT,
                                "saturated attention: head %d of layer %d gives %.2f of its attention at position %d to"
                                        + " position %d",
                                i / keys,
                                layer,
                                most,
                                q,
                                i % keys);
                    }
                }
            }
        }
        return found;
    }
}
