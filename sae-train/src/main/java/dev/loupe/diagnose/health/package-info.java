/** Diagnostics of health: units that do nothing, and values that do too much. */
@NullMarked
package dev.loupe.diagnose.health;

import org.jspecify.annotations.NullMarked;
