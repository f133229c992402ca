/**
 * Languages (or any other labels) as things to steer by: statistics of neurons and latents by group, the neurons and latents
 * that are specific to a group, arithmetic with them, and a trial that measures how often a text switches.
 */
@NullMarked
package dev.loupe.steer.language;

import org.jspecify.annotations.NullMarked;
