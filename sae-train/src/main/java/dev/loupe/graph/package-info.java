/**
 * Attribution graphs: which transcoder features of which layers and positions caused one prediction, and through which
 * others. No drawing.
 */
@NullMarked
package dev.loupe.graph;

import org.jspecify.annotations.NullMarked;
