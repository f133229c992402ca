/**
 * Training engines: a session owns parameters and moments and takes whole steps. A readable scalar reference
 * and a fast one. No files, no schedules.
 */
@NullMarked
package dev.loupe.engine;

import org.jspecify.annotations.NullMarked;
