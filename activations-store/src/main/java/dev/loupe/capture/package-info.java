/**
 * The job that joins text, model and store: several hook points in one pass, resumable.
 */
@NullMarked
package dev.loupe.capture;

import org.jspecify.annotations.NullMarked;
