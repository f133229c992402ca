package dev.loupe.model;

import ai.djl.ndarray.NDArray;

/** Rotated keys and values of earlier positions, by layer, to which passes add theirs. */
interface KeysAndValues {
    /** Adds the keys and values {@code [batch, pos, kv_head, d_head]} of a pass in one layer. */
    void append(int layer, Pass pass, NDArray k, NDArray v);

    /** The keys of the rows of a pass, its own included: {@code [batch * kv_head, keys, d_head]}. */
    NDArray keys(int layer, Pass pass);

    /** The values of the rows of a pass, its own included: {@code [batch * kv_head, keys, d_head]}. */
    NDArray values(int layer, Pass pass);
}
