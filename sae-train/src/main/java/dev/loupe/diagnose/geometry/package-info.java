/** Diagnostics of geometry: the shape of what representations do. */
@NullMarked
package dev.loupe.diagnose.geometry;

import org.jspecify.annotations.NullMarked;
