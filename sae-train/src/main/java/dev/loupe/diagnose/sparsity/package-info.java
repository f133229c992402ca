/** Diagnostics of activation sparsity: how few neurons and latents do the work. */
@NullMarked
package dev.loupe.diagnose.sparsity;

import org.jspecify.annotations.NullMarked;
