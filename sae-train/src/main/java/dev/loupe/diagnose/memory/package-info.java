/** Diagnostics of what MLPs keep: neurons as keys and values. */
@NullMarked
package dev.loupe.diagnose.memory;

import org.jspecify.annotations.NullMarked;
