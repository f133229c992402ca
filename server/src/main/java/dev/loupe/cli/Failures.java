package dev.loupe.cli;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.PrintStream;
import org.slf4j.LoggerFactory;

/** Failures become one sentence on stderr and an exit code. */
final class Failures {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int WRONG_USE = 2;

    private Failures() {}

    static int report(Throwable e, PrintStream err, boolean verbose) {
        if (e instanceof CancelledException) {
            err.println("Stopped; finished parts are kept.");
            return FAILED;
        }
        if (e instanceof UsageException) {
            err.println(e.getMessage());
            trace(e, err, verbose);
            return WRONG_USE;
        }
        if (e instanceof LoupeException) {
            err.println(e.getMessage());
            trace(e, err, verbose);
            return FAILED;
        }
        if (e instanceof OutOfMemoryError) {
            err.println("The memory of the process was not enough (" + e.getMessage()
                    + "); give it more, as by LOUPE_JAVA_OPTS=-Xmx8g, or use a smaller d_sae, batch or text.");
        } else {
            err.println("This should not have happened (" + e
                    + "); the log in the workspace's logs folder has the details.");
        }
        LoggerFactory.getLogger(Failures.class).error("Unexpected", e);
        trace(e, err, verbose);
        return FAILED;
    }

    private static void trace(Throwable e, PrintStream err, boolean verbose) {
        if (verbose) {
            e.printStackTrace(err);
        }
    }
}
