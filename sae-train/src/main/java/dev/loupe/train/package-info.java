/**
 * What a paper trains: objectives, schedules, dead latents, checkpoints, several seeds. No evaluation.
 */
@NullMarked
package dev.loupe.train;

import org.jspecify.annotations.NullMarked;
