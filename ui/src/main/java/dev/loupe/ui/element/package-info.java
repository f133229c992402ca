/**
 * Small custom elements (token lists, histograms, heat maps, curves) that take JSON and draw text or SVG.
 */
@NullMarked
package dev.loupe.ui.element;

import org.jspecify.annotations.NullMarked;
