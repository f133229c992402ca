/**
 * The sparse autoencoder as an immutable value: encode, decode, and its weight formats. No training.
 */
@NullMarked
package dev.loupe.sae;

import org.jspecify.annotations.NullMarked;
