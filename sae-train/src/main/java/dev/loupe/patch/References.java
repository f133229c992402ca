package dev.loupe.patch;

import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * The clean and the corrupted run: their values at the hooks asked for, and their last logits.
 *
 * @param clean hook → [position][width]
 * @param corrupt hook → [position][width]
 * @param cleanLogits logits of the last position, clean run
 * @param corruptLogits logits of the last position, corrupted run
 */
record References(
        Map<HookPoint, float[][]> clean,
        Map<HookPoint, float[][]> corrupt,
        float[] cleanLogits,
        float[] corruptLogits) {

    /** Both runs as one batch of two. */
    static References of(LanguageModel model, PromptPair pair, Collection<HookPoint> hooks) {
        Taps.Builder taps = Taps.builder();
        hooks.forEach(taps::read);
        Forward f = model.forward(
                new TokenBatch(new int[][] {pair.clean(), pair.corrupt()}), taps.build(), Want.LAST_LOGITS);
        Map<HookPoint, float[][]> clean = new HashMap<>();
        Map<HookPoint, float[][]> corrupt = new HashMap<>();
        for (HookPoint hook : hooks) {
            clean.put(hook, Gradients.rows(f.activation(hook), 0));
            corrupt.put(hook, Gradients.rows(f.activation(hook), 1));
        }
        return new References(clean, corrupt, f.lastLogits(0), f.lastLogits(1));
    }

    float[][] clean(HookPoint hook) {
        return java.util.Objects.requireNonNull(clean.get(hook));
    }

    float[][] corrupt(HookPoint hook) {
        return java.util.Objects.requireNonNull(corrupt.get(hook));
    }
}
