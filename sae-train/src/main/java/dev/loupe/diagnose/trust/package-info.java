/** Diagnostics of trust: how far results may be believed. */
@NullMarked
package dev.loupe.diagnose.trust;

import org.jspecify.annotations.NullMarked;
