package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * What the backward pass of a block needs from its forward pass, which sets all of it. Shapes: B sequences, T
 * positions, K keys, D = d_model, V key-value heads with G query heads each, h = d_head.
 */
final class BlockState {
    @Nullable NDArray residPre; // [B, T, D]

    @Nullable NDArray scale1; // [B, T, 1]

    @Nullable NDArray rawQueries; // before their norm, [B, T, V G, h]; only where the family has one

    @Nullable NDArray scaleQueries; // [B, T, V G, 1]

    @Nullable NDArray rawKeys; // [B, T, V, h]

    @Nullable NDArray scaleKeys; // [B, T, V, 1]

    @Nullable NDArray queries; // rotated, [B V, G T, h]

    @Nullable NDArray keys; // rotated, [B V, K, h]

    @Nullable NDArray values; // [B V, K, h]

    @Nullable NDArray pattern; // [B V, G T, K]

    @Nullable NDArray residMid; // [B, T, D]

    @Nullable NDArray scale2; // [B, T, 1]

    @Nullable NDArray pre; // [B, T, d_mlp]

    @Nullable NDArray preLinear; // [B, T, d_mlp]

    /** A tensor that the forward pass must have set. */
    static NDArray set(@Nullable NDArray tensor) {
        if (tensor == null) {
            throw new IllegalStateException("the block has not run forward");
        }
        return tensor;
    }
}
