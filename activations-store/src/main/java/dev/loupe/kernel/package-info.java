/**
 * What a language model computes over native memory, in SIMD: products with weights that stay in the type their file has,
 * and the passes between products, fused. The readable scalar reference stands beside every fast path. No tensors of the
 * tensor library, no files, no model.
 */
@NullMarked
package dev.loupe.kernel;

import org.jspecify.annotations.NullMarked;
