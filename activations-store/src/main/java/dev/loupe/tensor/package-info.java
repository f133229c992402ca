/**
 * The one boundary to the tensor library: device choice, guarded data types, scopes, copies. No model
 * mathematics.
 */
@NullMarked
package dev.loupe.tensor;

import org.jspecify.annotations.NullMarked;
