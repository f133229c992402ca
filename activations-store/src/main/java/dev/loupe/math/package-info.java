/**
 * Vector kernels over memory: dot products, matrix products, conversions, top-k; the readable scalar reference
 * stands beside every fast path. No models, no files.
 */
@NullMarked
package dev.loupe.math;

import org.jspecify.annotations.NullMarked;
