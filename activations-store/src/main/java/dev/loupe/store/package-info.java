/**
 * Activation files: write, verify, map, shuffle, batch, and the token text behind every row. Knows no model.
 */
@NullMarked
package dev.loupe.store;

import org.jspecify.annotations.NullMarked;
