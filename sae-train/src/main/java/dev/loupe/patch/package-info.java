/**
 * Activation, attribution and relevance patching: what caused this answer. No drawing.
 */
@NullMarked
package dev.loupe.patch;

import org.jspecify.annotations.NullMarked;
