package dev.loupe.cli;

import dev.loupe.service.Settings;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/**
 * The command line. Results go to stdout and nothing else does; progress, warnings and errors go to stderr. Exit code 0
 * done, 1 failed, 2 wrong use. Nothing heavy is loaded before a command needs it, so that help is instant.
 */
@Command(
        name = "loupe",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = "See and change what a language model is thinking: sparse autoencoders on the JVM.",
        subcommands = {
            DemoCommand.class,
            ServeCommand.class,
            ModelCommand.class,
            CaptureCommand.class,
            StoreCommand.class,
            TrainCommand.class,
            SweepCommand.class,
            EvalCommand.class,
            IndexCommand.class,
            LabelCommand.class,
            SeedsCommand.class,
            CompareCommand.class,
            PatchCommand.class,
            DiagnoseCommand.class,
            CircuitCommand.class,
            SteerCommand.class,
            LanguagesCommand.class,
            ImportCommand.class,
            ExportCommand.class,
            DoctorCommand.class,
            TaskCommand.class
        },
        footer = {
            "",
            "In a checkout also:",
            "  test     all tests, the web pages in a headless Chromium included",
            "  bench    benchmarks beside their peers",
            "  dist     a release for machines with nothing but a JDK",
            "",
            "Settings: flag, then LOUPE_* variable, then loupe.yaml of the workspace, then default; loupe doctor shows them.",
            "Exit code: 0 done, 1 failed, 2 wrong use."
        })
public final class Main implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.@Nullable CommandSpec spec;

    @Option(
            names = "--workspace",
            paramLabel = "DIR",
            scope = ScopeType.INHERIT,
            description = "Folder of models, stores, SAEs and results (default: ~/.loupe).")
    private @Nullable String workspace;

    @Option(
            names = "--json",
            scope = ScopeType.INHERIT,
            description = "Print one JSON object on stdout at the end; everything else goes to stderr.")
    private boolean json;

    @Option(
            names = {"-v", "--verbose"},
            scope = ScopeType.INHERIT,
            description = "Say more on stderr.")
    private boolean verbose;

    @Option(
            names = {"-q", "--quiet"},
            scope = ScopeType.INHERIT,
            description = "No progress on stderr; errors and results only.")
    private boolean quiet;

    @Option(
            names = "--device",
            paramLabel = "D",
            scope = ScopeType.INHERIT,
            description = "Where models run and SAEs are trained: auto, cpu or cuda:0 (default: auto, which is cpu).")
    private @Nullable String device;

    @Option(
            names = "--threads",
            paramLabel = "N",
            scope = ScopeType.INHERIT,
            description = "Threads of numeric work; 0 for all cores (default: 0).")
    private @Nullable Integer threads;

    private final PrintStream out;
    private final PrintStream err;
    private final Map<String, String> environment;

    private Main(PrintStream out, PrintStream err, Map<String, String> environment) {
        this.out = out;
        this.err = err;
        this.environment = environment;
    }

    /** Runs the command line and exits. */
    public static void main(String[] args) {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);
        int code = run(out, err, System.getenv(), args);
        out.flush();
        err.flush();
        System.exit(code);
    }

    /**
     * Runs one command.
     *
     * @param out gets results
     * @param err gets everything else
     * @return the exit code
     */
    public static int run(PrintStream out, PrintStream err, Map<String, String> environment, String... args) {
        Main main = new Main(out, err, environment);
        CommandLine line = new CommandLine(main);
        line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
        line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler(Main::wrongUse);
        line.setExecutionExceptionHandler((e, where, parsed) -> Failures.report(e, err, main.verbose));
        return execute(line, err, args);
    }

    /** Errors, too, end in a sentence: the handler of a command line is told of exceptions only. */
    static int execute(CommandLine line, PrintStream err, String... args) {
        try {
            return line.execute(args);
        } catch (OutOfMemoryError | StackOverflowError | LinkageError e) {
            boolean verbose = line.getCommand() instanceof Main main && main.verbose;
            return Failures.report(e, err, verbose);
        }
    }

    /** The commands as they are, to be read and parsed with, not run. */
    static CommandLine line() {
        return new CommandLine(new Main(System.out, System.err, Map.of())).setCaseInsensitiveEnumValuesAllowed(true);
    }

    @Override
    public void run() {
        if (spec != null) {
            spec.commandLine().usage(out);
            out.flush();
        }
    }

    /** What a command works with. */
    Session session() {
        Map<Settings.Key, String> flags = new EnumMap<>(Settings.Key.class);
        if (workspace != null) {
            flags.put(Settings.Key.WORKSPACE, workspace);
        }
        if (device != null) {
            flags.put(Settings.Key.DEVICE, device);
        }
        if (threads != null) {
            flags.put(Settings.Key.THREADS, threads.toString());
        }
        return new Session(out, err, environment, flags, json, verbose, quiet);
    }

    private static int wrongUse(ParameterException e, String[] args) {
        CommandLine line = e.getCommandLine();
        PrintWriter err = line.getErr();
        err.println(String.valueOf(e.getMessage()).strip());
        CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
        err.println("Try: " + line.getCommandSpec().qualifiedName() + " --help");
        err.flush();
        return Failures.WRONG_USE;
    }
}
