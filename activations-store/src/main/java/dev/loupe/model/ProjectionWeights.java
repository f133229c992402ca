package dev.loupe.model;

import dev.loupe.math.Matrix;

/**
 * One matrix product of a block: {@code weight (gain * x) + bias}, where x is what {@code input} holds.
 *
 * @param input the hook point that is read
 * @param gain {@code [in]}: what the hook point's values are multiplied with before the product; ones where that is nothing
 * @param weight {@code [out, in]}, a copy in float32
 */
public record ProjectionWeights(HookPoint input, float[] gain, Matrix weight) {}
