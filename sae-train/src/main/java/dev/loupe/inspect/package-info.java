/**
 * What happens inside a model on one text: logit lens, attention patterns, what adds up to a logit, and what changes when
 * one latent is taken out. No HTTP.
 */
@NullMarked
package dev.loupe.inspect;

import org.jspecify.annotations.NullMarked;
