/**
 * Diagnostics from the literature: one question about a model, a store or an SAE, one class, one result.
 */
@NullMarked
package dev.loupe.diagnose;

import org.jspecify.annotations.NullMarked;
