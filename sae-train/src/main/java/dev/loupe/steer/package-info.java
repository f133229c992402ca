/**
 * Edits of features, neurons and vectors as values, and generation under them. No HTTP.
 */
@NullMarked
package dev.loupe.steer;

import org.jspecify.annotations.NullMarked;
