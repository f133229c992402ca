/**
 * Views of the web UI: frame, grids, forms and routing. No view computes.
 */
@NullMarked
package dev.loupe.ui;

import org.jspecify.annotations.NullMarked;
