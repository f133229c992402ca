/**
 * Matching latents of sparse autoencoders across seeds and widths, with what is proven about optimality.
 */
@NullMarked
package dev.loupe.compare;

import org.jspecify.annotations.NullMarked;
