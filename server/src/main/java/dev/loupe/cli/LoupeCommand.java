package dev.loupe.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A command: runs with a session that is closed afterwards. */
@Command(mixinStandardHelpOptions = true, sortOptions = false, usageHelpAutoWidth = true)
abstract class LoupeCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    abstract void run(Session session) throws Exception;

    @Override
    public Integer call() throws Exception {
        if (spec == null) {
            throw new IllegalStateException("a command runs through the command line");
        }
        Main main = (Main) spec.root().userObject();
        try (Session session = main.session()) {
            run(session);
        }
        return Failures.DONE;
    }
}
