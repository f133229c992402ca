/** The list of all diagnostics: the one place that knows every class of every topic. */
@NullMarked
package dev.loupe.diagnose.gallery;

import org.jspecify.annotations.NullMarked;
