/**
 * The feature index: everything a person sees about each latent, built in one pass over a store. No HTTP.
 */
@NullMarked
package dev.loupe.feature;

import org.jspecify.annotations.NullMarked;
