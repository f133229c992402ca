package dev.loupe.model;

import dev.loupe.math.Matrix;

/**
 * One matrix product of a block: {@code weight (gain * x) + bias}, where x is what {@code input} holds.
 *
 * @param input the hook point that is read
 * @param gain {@code [in]}: what the hook point's values are multiplied with before the product; ones where that is nothing
 * @param weight {@code [out, in]}, a copy in float32
 * @param outGain {@code [out]}: what the product's values are multiplied with before they are added to the residual stream,
 *     by families that normalise what attention and MLP give (Gemma 2 and 3); ones elsewhere. Such a norm also divides by
 *     the root mean square of the whole product: one number a token, which turns no direction but depends on every input
 */
public record ProjectionWeights(HookPoint input, float[] gain, Matrix weight, float[] outGain) {}
