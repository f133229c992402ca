package dev.loupe.patch;

import dev.loupe.model.HookPoint;
import java.util.Map;
import java.util.Objects;

/**
 * The clean and the corrupted run of one pair: their values at the hooks asked for, and their last logits.
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

    float[][] clean(HookPoint hook) {
        return Objects.requireNonNull(clean.get(hook));
    }

    float[][] corrupt(HookPoint hook) {
        return Objects.requireNonNull(corrupt.get(hook));
    }
}
