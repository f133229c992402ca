package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.bench.fault.FaultsMain;
import dev.loupe.steer.EditOp;
import dev.loupe.train.Method;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./loupe bench [NAME...] [--python VENV]}: ours and the Python peers, alternating in one run. */
@Command(
        name = "loupe bench",
        description = "Compares our speed with that of Python peers, run by run in turn, answers checked.",
        mixinStandardHelpOptions = true)
public final class BenchMain implements Callable<Integer> {
    private static final int STREAMS = 32;
    private static final int TABS = 64;

    /** Every benchmark by name. */
    static final Map<String, Supplier<Benchmark>> ALL = all();

    @Parameters(arity = "0..*", paramLabel = "NAME", description = "Which; all of them if none is named.")
    private List<String> names = new ArrayList<>();

    @Option(
            names = "--python",
            paramLabel = "VENV",
            description = "Virtual environment with tests/python/bench/requirements.txt; without it only ours is run.")
    private @Nullable Path venv;

    @Option(names = "--rounds", defaultValue = "7", description = "Measured runs of each (default 7).")
    private int rounds;

    @Option(names = "--warmups", defaultValue = "3", description = "Unmeasured runs of each before (default 3).")
    private int warmups;

    @Option(
            names = "--seconds",
            defaultValue = "20",
            description =
                    "How long soak and crowd run each time (default 20; ten minutes: --seconds 600 --rounds 1 --warmups 0).")
    private int seconds;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "A setting of the benchmark, where it has any; an unknown one lists them.")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Option(names = "--json", description = "One JSON object on stdout at the end.")
    private boolean json;

    /** All that every machine can run. */
    private static List<String> usual() {
        return ALL.keySet().stream()
                .filter(n -> !n.startsWith("train-step-gpu"))
                .toList();
    }

    private static Map<String, Supplier<Benchmark>> all() {
        Map<String, Supplier<Benchmark>> all = new LinkedHashMap<>();
        for (Supplier<Benchmark> b : List.<Supplier<Benchmark>>of(
                CaptureBench::new,
                CaptureShareBench::new,
                () -> new ClusterBench(ClusterBench.Case.CAPTURE),
                () -> new ClusterBench(ClusterBench.Case.SWEEP),
                () -> new ClusterBench(ClusterBench.Case.SCALING),
                ScaleBench::new,
                GatherBench::new,
                GatherJmhBench::new,
                StoreLoaderBench::new,
                BlockShuffleBench::new,
                TrainStepBench::new,
                DensityBench::new,
                () -> new PlantedBench(Method.TOPK),
                () -> new PlantedBench(Method.JUMPRELU),
                MatchBench::new,
                () -> new WideMatchBench("match-4k", 4096, false),
                () -> new WideMatchBench("match-8k", 8192, false),
                () -> new WideMatchBench("match-16k", 16_384, false),
                () -> new WideMatchBench("match-32k", 32_768, false),
                () -> new WideMatchBench("match-16k-copies", 16_384, true),
                WideFilesBench::new,
                IndexBench::new,
                BrowseBench::new,
                ScrollBench::new,
                DashboardBench::new,
                WideIndexBench::new,
                () -> new PrefillBench(RandomModel.SMOLLM2, WeightType.FLOAT32),
                () -> new PrefillBench(RandomModel.SMOLLM2, WeightType.BFLOAT16),
                () -> new PrefillBench(RandomModel.GPT2, WeightType.FLOAT32),
                () -> new PrefillBench(RandomModel.GPT2, WeightType.BFLOAT16),
                () -> new DecodeBench(RandomModel.SMOLLM2, WeightType.FLOAT32),
                () -> new DecodeBench(RandomModel.SMOLLM2, WeightType.BFLOAT16),
                () -> new DecodeBench(RandomModel.SMOLLM2, WeightType.Q8_0),
                () -> new DecodeBench(RandomModel.SMOLLM2, WeightType.Q4_1),
                () -> new DecodeBench(RandomModel.GPT2, WeightType.FLOAT32),
                () -> new DecodeBench(RandomModel.GPT2, WeightType.BFLOAT16),
                LoadBench::new,
                () -> new StreamsBench(false),
                () -> new StreamsBench(true),
                DiagnoseBench::new,
                () -> new SteerBench(EditOp.ADD),
                () -> new SteerBench(EditOp.SET),
                () -> new SoakBench(STREAMS, 20),
                () -> new CrowdBench(TABS, STREAMS, 20),
                StartBench::new,
                RelpBench::new)) {
            all.put(b.get().name(), b);
        }
        for (StepsBench.Case c : StepsBench.Case.values()) {
            Supplier<Benchmark> b = () -> new StepsBench(c);
            all.put(b.get().name(), b);
        }
        return all;
    }

    /** Runs and exits: 0 done, 1 failed, 2 wrong use. */
    public static void main(String[] args) {
        String first = args.length > 0 ? args[0] : "";
        String[] rest = Arrays.copyOfRange(args, Math.min(1, args.length), args.length);
        System.exit(
                switch (first) {
                    case "faults" -> FaultsMain.run(rest);
                    case "train-cuda" -> TrainCudaMain.run(new PrintWriter(System.out, true), rest);
                    default -> run(args);
                });
    }

    static int run(String... args) {
        CommandLine line = new CommandLine(new BenchMain());
        line.setExecutionExceptionHandler((e, command, result) -> {
            if (e instanceof UsageException || e instanceof LoupeException) {
                command.getErr().println(e.getMessage());
            } else {
                e.printStackTrace(command.getErr());
            }
            return e instanceof UsageException ? 2 : 1;
        });
        return line.execute(args);
    }

    @Override
    public Integer call() throws Exception {
        for (String name : names) {
            if (!ALL.containsKey(name)) {
                throw new UsageException("There is no benchmark " + name + "; there are "
                        + String.join(", ", ALL.keySet()) + ", train-cuda and faults, alone.");
            }
        }
        if (seconds < 1) {
            throw new UsageException("--seconds is at least 1.");
        }
        if (rounds < 1 || warmups < 0) {
            throw new UsageException("--rounds is at least 1 and --warmups at least 0.");
        }
        int threads = Runtime.getRuntime().availableProcessors();
        Path script = Path.of(System.getProperty("loupe.root", "."), "tests/python/bench/peer.py");
        Map<String, BenchResult> results = new LinkedHashMap<>();
        for (String name : names.isEmpty() ? usual() : names) {
            Path folder = Files.createTempDirectory("loupe-bench-");
            try (Benchmark b = make(name)) {
                settings.forEach(b::set);
                BenchResult r = Comparison.run(b, folder, venv, script, warmups, rounds, threads);
                results.put(name, r);
                say(r);
            } finally {
                AtomicFiles.deleteTree(folder);
            }
        }
        if (json) {
            Object out = names.size() == 1 ? Objects.requireNonNull(results.get(names.get(0))) : results;
            System.out.println(Json.line(out));
        }
        return 0;
    }

    private Benchmark make(String name) {
        return name.equals("soak")
                ? new SoakBench(STREAMS, seconds)
                : name.equals("crowd")
                        ? new CrowdBench(TABS, STREAMS, seconds)
                        : Objects.requireNonNull(ALL.get(name)).get();
    }

    private void say(BenchResult r) {
        String line = String.format(
                Locale.ROOT, "%-12s ours %.4g %s (spread %.0f %%)", r.name(), r.ours(), r.unit(), 100 * r.oursSpread());
        if (r.peer() != null && r.peerSpread() != null) {
            line += String.format(
                    Locale.ROOT, ", peer %.4g (spread %.0f %%), ratio %.2f", r.peer(), 100 * r.peerSpread(), r.ratio());
        }
        for (Map.Entry<String, Double> more : r.beside().entrySet()) {
            line += String.format(Locale.ROOT, ", %s %.4g", more.getKey(), more.getValue());
        }
        (json ? System.err : System.out).println(line + " | " + r.setting() + ", " + r.threads() + " threads");
    }
}
