package dev.loupe.cli;

import dev.loupe.base.Progress;

/** A progress that people see, whose last line is to be ended. */
interface ShownProgress extends Progress {
    /** Ends the line that is still open. */
    void end();
}
