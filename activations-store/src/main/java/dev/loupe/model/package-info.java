/**
 * The language model runtime: checkpoint readers, tokenizer, architecture families as data, forward pass with
 * hook points, hand-written backward, cache, sampling. Nothing about sparse autoencoders.
 */
@NullMarked
package dev.loupe.model;

import org.jspecify.annotations.NullMarked;
