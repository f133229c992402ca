/**
 * Commands and their progress bars; the main class. No logic.
 */
@NullMarked
package dev.loupe.cli;

import org.jspecify.annotations.NullMarked;
