package dev.loupe.bench.fault;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./loupe bench faults}: every stage under every fault, as a table. */
@Command(
        name = "loupe bench faults",
        description = "Disturbs every stage at random points and compares what it leaves with an undisturbed run.",
        mixinStandardHelpOptions = true)
public final class FaultsMain implements Callable<Integer> {
    @Option(names = "--stages", split = ",", paramLabel = "S", description = "Which stages (default: all).")
    private List<String> stages = List.of();

    @Option(names = "--faults", split = ",", paramLabel = "F", description = "Which faults (default: all).")
    private List<String> faults = List.of();

    @Option(names = "--kills", defaultValue = "50", description = "Processes killed in each stage (default 50).")
    private int kills;

    @Option(names = "--others", defaultValue = "20", description = "Trials of each other fault (default 20).")
    private int others;

    @Option(names = "--seed", defaultValue = "1", description = "Seed of the points (default 1).")
    private long seed;

    @Option(names = "--threads", defaultValue = "0", description = "Threads of each command (default 0: all cores).")
    private int threads;

    @Option(
            names = "--minutes",
            defaultValue = "0",
            description = "No trial begins after so many minutes (default 0: all are done).")
    private double minutes;

    @Option(
            names = "--folder",
            paramLabel = "DIR",
            description =
                    "Where to work, kept for the next run, which is then ready sooner (default: a new one, deleted).")
    private @Nullable Path given;

    /** Runs and returns the exit code. */
    public static int run(String... args) {
        CommandLine line = new CommandLine(new FaultsMain());
        line.setExecutionExceptionHandler((e, command, result) -> {
            if (e instanceof LoupeException) {
                command.getErr().println(e.getMessage());
            } else {
                e.printStackTrace(command.getErr());
            }
            return 1;
        });
        return line.execute(args);
    }

    @Override
    public Integer call() throws Exception {
        Path folder = given == null ? Files.createTempDirectory("loupe-faults-") : given;
        long time = minutes > 0 ? Math.round(minutes * 60e9) : Long.MAX_VALUE / 2;
        try {
            Faults all = new Faults(folder, seed, System.nanoTime() + time, threads);
            all.prepare();
            Map<String, Integer> runs = new LinkedHashMap<>();
            for (Fault f : Fault.values()) {
                if (faults.isEmpty() || faults.contains(f.words())) {
                    runs.put(f.words(), f == Fault.KILL ? kills : others);
                }
            }
            List<Faults.Row> rows = new ArrayList<>();
            for (String stage : stages.isEmpty() ? all.stages() : stages) {
                List<Faults.Row> made = all.run(stage, runs, System.err::println);
                made.forEach(r -> System.err.println(r.line()));
                rows.addAll(made);
            }
            all.notes().forEach(System.out::println);
            System.out.println(Faults.Row.HEAD);
            rows.forEach(r -> System.out.println(r.line()));
            rows.stream().flatMap(r -> r.wrong().stream()).forEach(System.out::println);
            return rows.stream().allMatch(r -> r.wrong().isEmpty()) ? 0 : 1;
        } finally {
            if (given == null) {
                AtomicFiles.deleteTree(folder);
            }
        }
    }
}
