/**
 * The report card of a sparse autoencoder: L0, FVU, loss recovered, density, dead latents, always on held-out
 * text.
 */
@NullMarked
package dev.loupe.eval;

import org.jspecify.annotations.NullMarked;
